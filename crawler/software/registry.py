"""Which module knows which software, by the names `crawler.sniff` gives. Loaded when first needed."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from crawler.software import Installed, Software

MODULES = {
    "dokuwiki": "DokuWiki",
    "mediawiki": "MediaWiki",
    "phpbb": "PhpBB",
    "smf": "Smf",
    "mybb": "MyBB",
    "fluxbb": "FluxBB",
    "punbb": "PunBB",
    "vbulletin": "VBulletin",
    "xenforo": "XenForo",
    "discourse": "Discourse",
    "flarum": "Flarum",
    "nodebb": "NodeBB",
    "flaskbb": "FlaskBB",
    "spirit": "Spirit",
    "misago": "Misago",
    "etherpad": "Etherpad",
    "nextcloud": "Nextcloud",
    "generic": "Generic",
}
"""Name → class in `crawler.software.NAME`."""
_CLAIMING = ("etherpad", "nextcloud")  # those whose addresses must be known before anything is fetched


@cache
def software(name: str) -> type[Software]:
    """The class of that name. KeyError for a name that is not in `MODULES`."""
    found: type[Software] = getattr(import_module(f"crawler.software.{name}"), MODULES[name])
    return found


def build(installed: Installed) -> Software:
    """An installation as its module sees it."""
    return software(installed.name)(installed.base, installed.settings)


def claimed(url: str) -> Installed | None:
    """What the address alone gives away; see `Software.claims`."""
    for name in _CLAIMING:
        if found := software(name).claims(url):
            return found
    return None
