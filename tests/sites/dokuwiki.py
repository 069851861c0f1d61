"""Real DokuWikis (Debian's releases, Igor 2022-07-31 and newer) whose content is known exactly.

Pages, histories and media are written in DokuWiki's own file formats, so that times, authors and kinds of
change are ours to choose. What was written is the `DokuWiki` value: the truth the tests hold a crawl against.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.sites.dokuwiki_releases import Release, installed
from tests.sites.dokuwiki_truth import DokuWiki, Media, Page, Revision, Setup
from tests.sites.dokuwiki_writer import DAY, SPRING, Writer, pdf, png
from tests.sites.wiki_host import WikiHost, serve

__all__ = ["DAY", "SPRING", "DokuWiki", "Media", "Page", "Revision", "Setup", "Wikis", "pdf", "png"]

CODE = Path("/usr/share/dokuwiki")


_PRIVATE = "prive:*\t@ALL\t0\nprive:*\t@user\t16\n"
_HIDDEN = "$conf['hidepages'] = '^:fr:brouillon';"


def wikhan(
    folder: Path, *, now: int, name: str = "wikhan", path: str = "/wikhan/", days: int = 45, setup: Setup
) -> DokuWiki:
    """The bigger wiki; `now` (UNIX time) dates its recent changes, `days` is how long histories are."""
    write = Writer(folder, name, setup)
    write.page("start", _WIKHAN_START)
    write.page(
        "fr:start", "====== Accueil ======\n  * [[fr:faq]]\n  * [[fr:été:forêt]]\n  * [[fr:histoire]]\n"
    )
    write.page("fr:faq", _WIKHAN_FAQ, "====== FAQ ======\nPremière version, à compléter.\n")
    write.page("fr:été:forêt", "====== La forêt en été ======\nL'ombre {{fr:carte.png?120}} [[..:faq]]\n")
    write.page("fr:page_avec_espaces", "====== Page avec espaces ======\nRetour : [[start]]\n")
    write.page("fr:orpheline", "====== Orpheline ======\nAucune page ne mène ici.\n")
    write.page(
        "projets:jardin:potager", "====== Potager ======\n<code php semis.php>\n<?php echo 1;\n</code>\n"
    )
    write.page("fr:histoire", *(f"====== Histoire ======\nÉtat du jour {day}.\n" for day in range(days)))
    write.page("fr:journal", *(f"====== Journal ======\nJour {day}.\n" for day in range(days - 5)))
    write.page("fr:disparue", "====== Disparue ======\nVue une dernière fois.\n", deleted=True)
    write.page("fr:actualités", "====== Actualités ======\nHier encore : [[fr:faq]]\n", at=now - 3600)
    write.page("fr:zéro", "====== Zéro ======\nAvant.\n", "0", bare=True)
    write.page("fr:revenue", "====== Revenue ======\nBonne.\n", "====== Pub ======\n", reverted=True)
    write.page("fr:effacée", "====== Effacée ======\nHier.\n", at=now - DAY - 7200, deleted=True)
    write.page("fr:version_2.0", "====== Version 2.0 ======\nUn point dans le nom.\n", "Deux.\n")
    write.page("fr:brouillon", "====== Brouillon ======\nCaché, mais un lien y mène.\n")
    write.page("fr:agenda", "====== Agenda ======\n~~AGENDA~~\n")
    write.page("prive:secret", "====== Secret ======\nNe regarde personne.\n", private=True)
    write.media("logo.png", "png")
    write.media("fr:carte.png", "png", "png")
    write.media("fr:règlement_intérieur.pdf", "pdf")
    write.media("fr:jadis.png", "png", "png", deleted=now - 5000)
    write.media("prive:plan.png", "png", private=True)
    return write.done(path)


def autre_wiki(folder: Path, *, setup: Setup, name: str = "autre-wiki") -> DokuWiki:
    """A small wiki at /NAME/. Some ids are those of `wikhan`."""
    write = Writer(folder, name, setup)
    write.page("start", "====== Autre wiki ======\n[[fr:faq]] [[de:übersicht]] {{logo.png}}\n")
    write.page("fr:faq", "====== Une autre FAQ ======\n[[start|Accueil]]\n", "====== FAQ ======\nBis.\n")
    write.page("de:übersicht", "====== Übersicht ======\n[[fr:faq]]\n")
    write.media("logo.png", "png")
    return write.done(f"/{name}/")


def setups(release: Release) -> tuple[Setup, Setup]:
    """Of both wikis of `wikis`: rewritten addresses with something private, and plain ones."""
    return Setup(release, rewrite=1, settings=(_HIDDEN,), acl=_PRIVATE), Setup(release)


@dataclass(frozen=True)
class Wikis:
    """Both wikis under the two paths of one running host."""

    host: WikiHost
    wikhan: DokuWiki
    autre: DokuWiki

    def url(self, path: str) -> str:
        """Absolute URL of a path the wikis' methods gave."""
        return self.host.url + path


@contextmanager
def wikis(folder: Path, *, now: int) -> Iterator[Wikis]:
    """Seed both wikis in an empty folder and serve them on one host.

    Raises Missing when the Debian package is not installed, and as `serve` does.
    """
    rewritten, plain = setups(installed(CODE))
    big, small = wikhan(folder, now=now, setup=rewritten), autre_wiki(folder, setup=plain)
    with serve(folder, [big.mount(), small.mount()]) as host:
        yield Wikis(host, big, small)


@contextmanager
def served(
    folder: Path, setup: Setup, *, now: int, path: str = "/wikhan/", days: int = 23
) -> Iterator[Wikis]:
    """The bigger wiki (with shorter histories) and the other one on a host, both set up like this."""
    private = replace(setup, settings=(*setup.settings, _HIDDEN), acl=_PRIVATE)
    big = wikhan(folder, now=now, path=path, days=days, setup=private)
    small = autre_wiki(folder, setup=setup)
    with serve(folder, [small.mount(), big.mount()]) as host:
        yield Wikis(host, big, small)


_WIKHAN_START = """====== Wikhan ======
  * [[fr:start|En français]], [[fr:page avec espaces]], [[projets:jardin:potager]], [[fr:actualités]]
  * [[prive:secret|réservé]], [[pas:encore:écrite]]
  * [[http://exterieur.invalid/une/page?x=1&y=2|un autre site]] et [[/autre-wiki/|l'autre wiki]]

{{logo.png?64|Le logo}} {{fr:règlement intérieur.pdf|Règlement}}
"""

_WIKHAN_FAQ = """====== Foire aux questions ======
===== Où est la carte ? =====
{{fr:carte.png|La carte}}, {{fr:jadis.png?linkonly|l'ancienne}}
===== Et la page disparue ? =====
[[fr:disparue]], [[fr:été:forêt#ombre]], [[:start]], [[fr:brouillon]], [[fr:agenda]]
"""
