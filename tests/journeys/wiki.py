"""A wiki that was mirrored, and what may never be asked of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.snapshot import Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Ended, Jukni, mirror
from tests.sites.dokuwiki import DokuWiki, Wikis
from tests.sites.wiki_host import Request

# Parts of an address that change something on a server or make it work; none may ever be asked for.
FORBIDDEN = (
    *("do=edit", "do=login", "do=register", "do=resendpwd", "do=profile", "do=admin", "do=subscribe"),
    *("do=revert", "do=draft", "do=save", "do=preview", "do=logout", "sectok=", "taskrunner.php"),
    *("indexer.php", "action=edit", "action=submit", "action=delete", "action=protect", "action=purge"),
    *("action=watch", "action=rollback", "action=unwatch", "Special:UserLogin", "Special:UserLogout"),
    *("Special:CreateAccount", "Sp%C3%A9cial:Connexion", "veaction=edit", "action=markpatrolled"),
)


@dataclass(frozen=True)
class Mirrored:
    """A wiki and the archive it went into. requests: what its server was asked for meanwhile."""

    wiki: DokuWiki
    jukni: Jukni
    snapshot: Snapshot
    ended: Ended
    requests: list[Request]
    before: dict[str, bytes]

    @property
    def asked(self) -> list[str]:
        return [request.target for request in self.requests]

    def found(self, markers: set[str]) -> set[str]:
        """Those of the markers that stand in what was captured."""
        return found(markers, self.snapshot)

    def changed(self) -> set[str]:
        """Files below the wiki's data folder that are not what they were before the crawl."""
        after = _files(self.wiki)
        names = after.keys() | self.before.keys()
        return {name for name in names if after.get(name) != self.before.get(name)}


def found(markers: set[str], snapshot: Snapshot) -> set[str]:
    """Those of the markers that stand in a captured body."""
    wanted = {marker.encode(): marker for marker in markers}
    return {name for body in mirrored.bodies(snapshot) for marker, name in wanted.items() if marker in body}


def mirrored_wiki(folder: Path, wikis: Wikis, wiki: DokuWiki) -> Mirrored:
    """Mirror one of the wikis with its usual settings, as fast as it goes."""
    seen, before = len(wikis.host.requests()), _files(wiki)
    jukni = Jukni(folder)
    ended = jukni.run(*mirror(wikis.url(wiki.path), concurrency=4))
    requests = wikis.host.requests()[seen:]
    return Mirrored(wiki, jukni, mirrored.sealed(jukni.archive), ended, requests, before)


def _files(wiki: DokuWiki) -> dict[str, bytes]:
    return {
        str(path.relative_to(wiki.data)): path.read_bytes() for path in wiki.data.rglob("*") if path.is_file()
    }
