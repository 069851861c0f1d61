"""READ-ME-FIRST.txt: how to get the pages back without this program, in English and French.

The commands name the newest snapshot of the first site, so that they can be pasted as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.manifest import Manifest

NAME = "READ-ME-FIRST.txt"
PYWB = 'pip install "pywb==2.10.0" "setuptools<81"'


def text(newest: Sequence[Manifest]) -> str:
    """The sheet for an archive whose sites' newest sealed snapshots are these; may be none.

    Plain UTF-8, at most 100 columns of prose.
    """
    site = newest[0].site if newest else "SITE"
    snapshot = newest[0].snapshot if newest else "SNAPSHOT"
    values = {"site": site, "snapshot": snapshot, "pywb": PYWB}
    there_en = _table(newest, "nothing sealed yet")
    there_fr = _table(newest, "rien de scellé pour l'instant")
    return _ENGLISH.format(there=there_en, **values) + "\n\n" + _FRENCH.format(there=there_fr, **values)


def _table(newest: Sequence[Manifest], nothing: str) -> str:
    rows = [
        f"  {m.site}/snapshots/{m.snapshot}   {m.sealed:%Y-%m-%d %H:%M} UTC   {' '.join(m.seeds[:3])}"
        for m in newest
    ]
    return "\n".join(rows) if rows else f"  {nothing}"


_ENGLISH = """\
READ ME FIRST                                                (français : plus bas)

This folder is a web archive: copies of web sites, kept so that their pages can be read again when
the sites are gone. It was made by Jukni (free software, AGPL), but no Jukni is needed to read it:
WARC, CDXJ, JSON and gzip are open formats that many programs know.

What is here, newest snapshot of each site:

{there}

  SITE/warcs/*.warc.gz                 the pages, images and files, as the servers sent them
  SITE/snapshots/TIME/manifest.json    the list of all files this snapshot needs
  SITE/snapshots/TIME/index.cdxj.gz    which address lies where in which WARC file
  SITE/snapshots/TIME/pages.jsonl      the pages with their titles
  SITE/snapshots/TIME/coverage.json    what the site has, what was captured, what is missing and why
  SITE/proofs/                         results of checks, with their dates

All commands below are typed in this folder. TIME is in UTC. For another site or time, change the
names.

1. Is everything here and undamaged?

      sha256sum -c {site}/snapshots/{snapshot}/SHA256SUMS

2. Read it in a browser, with pywb (Linux, macOS; needs Python 3):

      python3 -m venv /tmp/replay
      /tmp/replay/bin/{pywb}
      mkdir -p /tmp/replay/collections/{site}/indexes
      gunzip -c {site}/snapshots/{snapshot}/index.cdxj.gz > /tmp/replay/collections/{site}/indexes/index.cdxj
      ln -s "$PWD/{site}/warcs" /tmp/replay/collections/{site}/archive
      cd /tmp/replay && bin/wayback -b 127.0.0.1 -p 8080

  Then open http://127.0.0.1:8080/{site}/ and type an address of the site, such as the ones above.

  Small archives, without installing anything: open https://replayweb.page in a browser and give it
  the .warc.gz files; they stay on your computer.

3. Only one page, with nothing but a shell: find its line in the index, then cut the record out of
   the file the line names ("offset" and "length" stand there too).

      zgrep 'part of the address' {site}/snapshots/{snapshot}/index.cdxj.gz
      tail -c +$((OFFSET + 1)) {site}/warcs/FILENAME | head -c LENGTH | gunzip

   A line with "mime": "warc/revisit" says "same as before": take the line that has the same
   "digest" and another "mime".

4. With Jukni: jukni browse {site} --into .
"""

_FRENCH = """\
À LIRE D'ABORD                                               (English: above)

Ce dossier est une archive web : des copies de sites, gardées pour que leurs pages restent lisibles
quand les sites ont disparu. Il a été fait par Jukni (logiciel libre, AGPL), mais on le lit sans
Jukni : WARC, CDXJ, JSON et gzip sont des formats ouverts que beaucoup de programmes connaissent.

Ce qu'il y a ici, dernier instantané de chaque site :

{there}

  SITE/warcs/*.warc.gz                 pages, images et fichiers, tels qu'envoyés par les serveurs
  SITE/snapshots/DATE/manifest.json    la liste de tous les fichiers dont cet instantané a besoin
  SITE/snapshots/DATE/index.cdxj.gz    quelle adresse se trouve où, dans quel fichier WARC
  SITE/snapshots/DATE/pages.jsonl      les pages et leurs titres
  SITE/snapshots/DATE/coverage.json    ce que le site a, ce qui est pris, ce qui manque et pourquoi
  SITE/proofs/                         les résultats des vérifications, datés

Toutes les commandes se tapent dans ce dossier. DATE est en UTC. Pour un autre site ou une autre
date, changez les noms.

1. Tout est-il là, et intact ?

      sha256sum -c {site}/snapshots/{snapshot}/SHA256SUMS

2. Le lire dans un navigateur, avec pywb (Linux, macOS ; il faut Python 3) :

      python3 -m venv /tmp/replay
      /tmp/replay/bin/{pywb}
      mkdir -p /tmp/replay/collections/{site}/indexes
      gunzip -c {site}/snapshots/{snapshot}/index.cdxj.gz > /tmp/replay/collections/{site}/indexes/index.cdxj
      ln -s "$PWD/{site}/warcs" /tmp/replay/collections/{site}/archive
      cd /tmp/replay && bin/wayback -b 127.0.0.1 -p 8080

  Puis ouvrez http://127.0.0.1:8080/{site}/ et tapez une adresse du site, par exemple ci-dessus.

  Pour une petite archive, sans rien installer : ouvrez https://replayweb.page dans un navigateur
  et donnez-lui les fichiers .warc.gz ; ils ne quittent pas votre ordinateur.

3. Une seule page, avec un simple terminal : cherchez sa ligne dans l'index, puis découpez
   l'enregistrement dans le fichier nommé par la ligne ("offset" et "length" s'y trouvent aussi).

      zgrep "partie de l'adresse" {site}/snapshots/{snapshot}/index.cdxj.gz
      tail -c +$((OFFSET + 1)) {site}/warcs/FILENAME | head -c LENGTH | gunzip

   Une ligne avec "mime": "warc/revisit" dit « comme avant » : prenez la ligne qui a le même
   "digest" et un autre "mime".

4. Avec Jukni : jukni browse {site} --into .
"""
