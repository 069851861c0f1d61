"""The interface for programs (api.php): what is asked, and what its answers tell.

Sources: includes/api/ApiQuery*.php of 1.39; the older names of keys are those of 1.27. All by GET: an answer
to a POST could not be replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from crawler.canonical import canonical
from crawler.software import Ask, Count, Found, Heard, Inventory, Item, Page, Setting
from crawler.software.items import WikiPage
from crawler.software.mediawiki.addresses import SPECIALS, Addresses, stored_file
from crawler.software.mediawiki.titles import CATEGORY, from_siteinfo

MOST = "500"
_TEXTS = 50  # revisions with their text that one answer may bring
_WEIGHT = 4_000_000  # bytes one export should bring; guessed, since nothing says how long a history is
_DEPTH = 10  # versions of its present length that a page is guessed to have
HIDDEN = "an administrator hid the text of this revision"
DELETED = "it was deleted while it was being crawled"
HIDDEN_FILE = "an administrator hid this version of the file"


def information(at: Addresses) -> str:
    """What the wiki is; everything else follows from the answer."""
    return at.api(meta="siteinfo", siprop="general|namespaces|namespacealiases|statistics|specialpagealiases")


def figures(at: Addresses) -> str:
    """Its counters alone."""
    return at.api(meta="siteinfo", siprop="statistics")


def changes(at: Addresses, since: str) -> str:
    """What was changed since a time (ISO 8601, by the wiki's own clock), the newest first."""
    return at.api(
        list="recentchanges",
        rcend=since,
        rcprop="title|ids|timestamp|loginfo",
        rctype="new|edit|log",
        rclimit=MOST,
    )


def texts(at: Addresses, revisions: Iterable[str]) -> Iterator[str]:
    """Addresses that bring these revisions with their texts."""
    numbers = list(revisions)
    prop = "ids|timestamp|flags|user|userid|comment|content|contentmodel|sha1|size|tags"
    for start in range(0, len(numbers), _TEXTS):
        some = "|".join(numbers[start : start + _TEXTS])
        yield at.api(prop="revisions", revids=some, rvprop=prop, rvslots="*")


def _pages(at: Addresses, namespace: int) -> str:
    return at.api(
        generator="allpages", gapnamespace=str(namespace), gapfilterredir="all", gaplimit=MOST, prop="info"
    )


def _revisions(at: Addresses) -> str:
    # The digest of a text tells whether that text is hidden.
    return at.api(list="allrevisions", arvprop="ids|timestamp|flags|size|sha1", arvlimit=MOST)


def _files(at: Addresses, **which: str) -> str:
    prop = "timestamp|user|comment|url|size|sha1|archivename"
    return at.api(**which, prop="imageinfo", iilimit=MOST, iiprop=prop)


def _categories(at: Addresses) -> str:
    return at.api(list="allcategories", aclimit=MOST, acprop="size")


# --- answers


def refused(answer: Any) -> tuple[str, str]:
    """Code and words of an error, "" when it is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code", "unknown")), str(error.get("info", ""))


def read(page: Page, at: Addresses, settings: Mapping[str, str], inventory: Inventory) -> Iterator[Found]:
    """What an answer tells."""
    answer = page.json
    asked = dict(parse_qsl(page.url.partition("?")[2]))
    if not isinstance(answer, dict):
        # Too long to be read to its end: revisions one by one are not, as a rule.
        numbers = asked.get("revids", "").split("|")
        for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
            if len(numbers) > 1:
                yield from (Ask(url) for url in texts(at, half))
        return
    told = answer.get("query", {})
    ended = "continue" not in answer
    if asked.get("meta") == "siteinfo":
        yield from _read_information(told, settings, inventory)
    elif asked.get("list") == "allrevisions":
        yield from _read_revisions(told.get("allrevisions", ()), "allrevisions", at)
        yield from _heard(ended and "allrevisions" in told, "allrevisions", "page", "revision")
    elif asked.get("list") == "allcategories":
        yield from _read_categories(told.get("allcategories", ()), at)
    elif asked.get("list") == "recentchanges":
        yield from _read_changes(told.get("recentchanges", ()), at, inventory)
    elif asked.get("prop") == "imageinfo":
        yield from _read_files(told.get("pages", ()), at, settings.get("server", ""))
        yield from _heard(ended and "generator" in asked, "allimages", "file")
    elif asked.get("generator") == "allpages":
        yield from _read_pages(told.get("pages", ()), at)
        yield from _heard(ended, "allpages", "page")
    elif asked.get("prop") == "revisions":
        yield from _read_revisions(told.get("pages", ()), "revisions", at, texts=True)
        for number in map(str, told.get("badrevids", ())):
            if inventory.state("revision", number) == "expected":
                yield Item("revision", number, "revisions", state="missing", why="it is not there any more")
    if not ended and isinstance(answer["continue"], dict):
        kept = {name: value for name, value in asked.items() if name not in answer["continue"]}
        yield Ask(at.api(**kept, **{name: str(value) for name, value in answer["continue"].items()}))


def _heard(ended: bool, source: str, *kinds: str) -> Iterator[Heard]:
    """A list counts as heard when its end was reached."""
    if ended:
        yield from (Heard(kind, source) for kind in kinds)


def _read_information(
    told: Mapping[str, Any], settings: Mapping[str, str], inventory: Inventory
) -> Iterator[Found]:
    statistics = told.get("statistics", {})
    for kind, name, group in (
        ("page", "pages", "listed"),
        ("revision", "edits", ""),
        ("file", "images", "current"),
    ):
        # Kept by adding and taking away, so they drift where pages were imported or deleted: a number that
        # agrees proves something, one that does not proves nothing beside two lists that do.
        found, number = inventory.number(kind, group or None), statistics.get(name)
        if isinstance(number, int) and number >= found:
            yield Count(kind, number, "statistics", group, "exact" if number == found else "at most")
    general = told.get("general")
    if not isinstance(general, dict):
        return
    learnt = _settings(told, general, settings)
    yield from (Setting(name, value) for name, value in learnt.items())
    at = Addresses.of({**settings, **learnt})
    for namespace in at.namespaces.all:
        if namespace.id >= 0:
            yield Ask(_pages(at, namespace.id))
    yield Ask(_revisions(at))
    yield Ask(_files(at, generator="allimages", gailimit=MOST))
    yield Ask(_categories(at))
    for name in ("Statistics", "Version", "Specialpages"):
        yield Ask(at.page(at.specials.get(name, f"Special:{name}")), "page")


def _settings(
    told: Mapping[str, Any], general: Mapping[str, Any], settings: Mapping[str, str]
) -> dict[str, str]:
    """What the wiki says of its own addresses, where pages could only be guessed from."""
    learnt = {
        "time": str(general.get("time", "")),
        "version": str(general.get("generator", "")).partition(" ")[2],
    }
    learnt["server"] = str(general.get("server", "")).partition("//")[2]
    namespaces = from_siteinfo(_values(told.get("namespaces", ())), told.get("namespacealiases", ()))
    learnt["namespaces"] = namespaces.text()
    article = general.get("articlepath")
    if isinstance(article, str) and "$1" in article:
        # On the server we came by: $wgServer may name another.
        path = "/" + article.partition("//")[2].partition("/")[2] if "//" in article else article
        if to := canonical(path.replace("$1", "TITLE"), settings["script"]):
            learnt["article"] = to.replace("TITLE", "$1")
    if general.get("mainpageisdomainroot") is True:
        learnt["front"] = namespaces.split(str(general.get("mainpage", "")))[1]
    special = namespaces[-1].name
    for one in told.get("specialpagealiases", ()):
        if one.get("realname") in SPECIALS and one.get("aliases"):
            learnt[f"special:{one['realname']}"] = f"{special}:{one['aliases'][0]}".replace("_", " ")
    return learnt


def _values(found: Any) -> Iterable[Any]:
    """A list, however old the format: it was an object once."""
    return found.values() if isinstance(found, dict) else found


def _listed(title: str, source: str, at: Addresses) -> Item:
    return Item("page", title, source, at.page(title), "listed", as_page=True)


def _read_pages(found: Any, at: Addresses) -> Iterator[Found]:
    weights = []
    for one in _values(found):
        title = str(one["title"])
        yield _listed(title, "allpages", at)
        if one.get("lastrevid"):
            yield Item("revision", str(one["lastrevid"]), "allpages", group=title)
        weights.append((title, 1000 + _DEPTH * int(one.get("length", 0))))
    yield from (Ask(url) for url in at.exports(weights, _WEIGHT))


def _read_revisions(found: Any, source: str, at: Addresses, texts: bool = False) -> Iterator[Found]:
    for one in _values(found):
        title = str(one.get("title", ""))
        if not texts:
            yield _listed(title, source, at)
        for revision in one.get("revisions", ()):
            number = str(revision["revid"])
            if hidden(revision):
                yield Item("revision", number, source, "", title, "denied", HIDDEN)
            elif texts and text(revision) is not None:
                yield Item("revision", number, source, "", title, "captured")
            else:
                yield Item("revision", number, source, "", title)


def hidden(revision: Mapping[str, Any]) -> bool:
    """Whether nobody may read the text of a revision."""
    slots = revision.get("slots") or {}
    return bool(
        "texthidden" in revision
        or "sha1hidden" in revision
        or any("texthidden" in slot for slot in slots.values())
    )


def text(revision: Mapping[str, Any]) -> str | None:
    """The text of a revision's main slot (1.32) or of the revision itself (before); None without it."""
    found = (revision.get("slots") or {}).get("main", revision).get("content")
    return found if isinstance(found, str) else None


def _read_files(found: Any, at: Addresses, server: str) -> Iterator[Found]:
    ours = "/".join(at.script.split("/", 3)[:3])
    for one in _values(found):
        if one.get("imagerepository", "local") != "local":
            continue
        name = str(one["title"]).partition(":")[2]
        for place, version in enumerate(one.get("imageinfo", ())):
            group = "old" if place else "current"
            there = str(version.get("url", ""))
            # By the address the wiki was configured with, which need not be the one we came by.
            if server and there.partition("//")[2].startswith(server + "/"):
                there = ours + there.partition("//")[2].removeprefix(server)
            url = canonical(there, at.script) if there else None
            if not url:
                why = HIDDEN_FILE if "filehidden" in version else "the wiki itself misses this file"
                id = str(version.get("archivename") or f"{name} ({version.get('timestamp', 'no date')})")
                yield Item("file", id, "allimages", group=group, state="denied", why=why)
            else:
                id = stored_file(url) or str(version.get("archivename") or name.replace(" ", "_"))
                yield Item("file", id, "allimages", url, group)


def _read_categories(found: Any, at: Addresses) -> Iterator[Found]:
    # A category shows its members even where nobody wrote a page about it. Their counter drifts, so that
    # one may turn out empty: then it is missing, and nobody's loss.
    for one in found:
        if one.get("size"):
            name = one.get("category", one.get("*", ""))
            yield Ask(at.page(f"{at.namespaces[CATEGORY].name}:{name}"), "page")


def _read_changes(found: Any, at: Addresses, inventory: Inventory) -> Iterator[Found]:
    revisions, pages, files = dict[str, None](), dict[str, None](), dict[str, None]()
    for change in found:
        title, number = str(change.get("title", "")), change.get("revid")
        kind, action = change.get("logtype"), change.get("logaction")
        if kind == "delete" and action == "delete":
            if inventory.state("page", title) == "missing":
                yield Item("page", title, "changes", state="denied", why=DELETED)
            for lost in inventory.ids("revision", group=title):
                if inventory.state("revision", lost) in ("expected", "missing"):
                    yield Item("revision", lost, "changes", state="denied", why=DELETED)
        elif kind in ("move", "import") or (kind == "delete" and action == "restore"):
            pages[str(change.get("logparams", {}).get("target_title", title))] = None
        elif kind == "upload":
            files[title] = None
        if number and title:
            if title not in pages:
                yield _listed(title, "changes", at)
            yield Item("revision", str(number), "changes", group=title)
            revisions[str(number)] = None
    for title in pages:
        yield _listed(title, "changes", at)
    yield from (Ask(url) for url in at.exports([(title, 0) for title in pages], _WEIGHT))
    wanted = [number for number in revisions if inventory.state("revision", number) != "captured"]
    yield from (Ask(url) for url in texts(at, wanted))
    for title in files:
        yield Ask(_files(at, titles=title), again=True)


def extract(page: Page) -> Iterator[WikiPage]:
    """The revisions an answer brings with their text."""
    answer = page.json
    if not isinstance(answer, dict) or not isinstance(answer.get("query"), dict):
        return
    for one in _values(answer["query"].get("pages", ())):
        for revision in one.get("revisions", ()):
            if (source := text(revision)) is not None:
                title = str(one.get("title", ""))
                author, date = str(revision.get("user", "")), str(revision.get("timestamp", ""))
                yield WikiPage(title, title, str(revision.get("revid", "")), author, date, source)
