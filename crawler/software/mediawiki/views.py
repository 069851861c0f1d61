"""Which views of a wiki are kept, and why the others are not. Each rule leaves another way to the content."""

from __future__ import annotations

from crawler.software import Classified
from crawler.software.mediawiki.addresses import SPECIALS, Addresses, View, is_thumb, stored_file
from crawler.software.mediawiki.titles import CATEGORY, FILE, SPECIAL

_API = "api.php?action=query&format=json&formatversion=2&"
_PROGRAMS = ("api.php", "rest.php", "load.php", "opensearch_desc.php", "thumb.php", "mw-config/")
_ACTIONS = {
    "raw": "the source of a page; the export brings it with the whole history",
    "history": "the list of a page's revisions; the export brings them all",
    "info": "figures about a page",
    "edit": "opens a form for writing",
}
_PAGED = frozenset({"limit", "offset"})
_FROM = frozenset({"from", "pagefrom", "subcatfrom", "filefrom"})


def classify(url: str, at: Addresses, by_api: bool) -> Classified | None:
    """See `Software.classify`. by_api: whether the API answers, so that lists for readers are not needed."""
    if is_thumb(url):
        return _left("mediawiki:thumb", "another size of a picture, kept where a page shows it")
    if stored := stored_file(url):
        return Classified("file", stored, item=True, url=url.partition("?")[0])
    if url.startswith(at.script):
        rest = url[len(at.script) :]
        if rest.startswith(_API):
            return Classified("texts" if "&revids=" in rest else "inventory")
        if rest.startswith(_PROGRAMS):
            return _left("mediawiki:program", "an interface for programs; what pages need of it is kept")
        if not rest and at.script == at.base:
            return Classified("door")
    view = at.view(url)
    if view is None:
        return None
    if url == at.article:
        return _left("mediawiki:pattern", "the pattern of all addresses, as Special:Version tells it")
    if view.namespace == SPECIAL:
        return _special(view, at, by_api)
    return _page(url, view, at, by_api)


def _page(url: str, view: View, at: Addresses, by_api: bool) -> Classified:
    query = dict(view.query)
    action = query.pop("action", "view")
    if "diff" in query:
        return _left("mediawiki:diff", "compares two revisions")
    if not by_api and action == "raw" and query.keys() == {"oldid"}:
        return Classified("revision", query["oldid"], item=True)
    if not by_api and action == "history" and query.get("limit") == "500" and query.keys() <= _PAGED:
        # Further parts are no items of their own: one that cannot be had is a gap anyway.
        return Classified("history", view.title, item="offset" not in query)
    if "oldid" in query:
        return _left("mediawiki:oldid", "an old revision as shown; the export brings its text")
    if action != "view":
        return _left("mediawiki:action", _ACTIONS.get(action, "a view for editors or programs"))
    if not view.title:
        left = _left("mediawiki:number", "a page by its number, another address of it")
        return left if query else Classified("door")
    if view.namespace < SPECIAL:
        return _left("mediawiki:media", "another address of a file")
    if query == {"redirect": "no"}:
        return _left("mediawiki:redirect", "a redirect that is not followed; the export brings its text")
    if len(query) == 1 and view.namespace == CATEGORY and query.keys() <= _FROM:
        return Classified("list", view.title)  # two of them at once: every page of one beside every other
    if query and view.namespace == FILE and query.keys() == _PAGED and not by_api:
        return Classified("inventory")
    if query:
        return _left("mediawiki:variant", "the same page in another form")
    to = at.page(view.title)
    return Classified("page", view.title, item=True, url="" if to == url else to)


def _special(view: View, at: Addresses, by_api: bool) -> Classified:
    if view.query.keys() == {"pages", "history"}:
        return Classified("export")
    name = special(view, at)
    if name not in ("", "Export") and not view.query:
        return Classified("special", name)
    # Until one of them was seen, its name in the wiki's language is not known.
    listing = name == "Allpages" or (not name and "Allpages" not in at.specials)
    if listing and not by_api and view.query and view.query.keys() <= {"from", "namespace"}:
        return Classified("inventory")
    return _left("mediawiki:special", "a page made on request; those that list the wiki are kept")


def special(view: View, at: Addresses) -> str:
    """Which of `SPECIALS` a view is, as the code calls it; "" for all others."""
    if view.namespace != SPECIAL:
        return ""
    word = view.title.partition(":")[2].replace(" ", "").lower()
    for name in SPECIALS:
        if word == name.lower() or at.specials.get(name) == view.title:
            return name
    return ""


def _left(rule: str, reason: str) -> Classified:
    return Classified("", keep=False, rule=rule, reason=reason)
