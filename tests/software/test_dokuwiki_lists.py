"""What DokuWiki's histories and lists tell, and how a history is walked to its end, without a wiki."""

from __future__ import annotations

from crawler.software import Ask, Found, Heard, Item, Page, Setting, Skip
from tests.software.dokuwiki_pages import BASE, NOW, PAGE, head, html, told, wiki
from tests.software.walker import Known, Walked

# 2018 to 2020 (inc/html.php:html_revisions): the current one has no time, a lost one no box
OLD = """<form id="page__revisions" method="post"><div class="no"><ul>
<li class="minor"><div class="li"><input type="checkbox" name="rev2[]" value="current" />
<span class="date">2020/05/01 10:00</span> <a class="wikilink1" href="/wikhan/fr:faq">fr:faq</a>
<span class="sum"> – ici</span> <span class="user"><bdi>zoé</bdi></span> (actuelle)</div></li>
<li><div class="li"><input type="checkbox" name="rev2[]" value="1588000000" />
<a href="/wikhan/fr:faq?rev=1588000000&amp;do=diff"><img src="d.png"></a>
<a class="wikilink1" href="/wikhan/fr:faq?rev=1588000000">fr:faq</a>
<span class="user"><bdo>192.0.2.7</bdo></span>
</div></li>
<li><div class="li"><input type="checkbox" value="1587000000" disabled="disabled" /> fr:faq</div></li>
<li><div class="li"><img src="blank.gif" /> <span class="date">2020/04/01 10:00</span> fr:faq</div></li>
</ul></div></form>"""
OLDER = '<form class="button btn_older"><input type="hidden" name="first" value="20" /><button accesskey="n">'


def test_a_history_of_2018() -> None:
    page = html(f"{BASE}fr:faq?do=revisions", head(act="revisions"), OLD)
    found = told(wiki(), page)
    items = {(item.kind, item.id): item for item in found if isinstance(item, Item)}
    assert items["page", "fr:faq"].url == f"{BASE}fr:faq"
    assert items["revision", "fr:faq@1588000000"].url == f"{BASE}fr:faq?rev=1588000000"
    assert items["revision source", "fr:faq@1588000000"].url == f"{BASE}_export/raw/fr:faq?rev=1588000000"
    assert items["revision", "fr:faq@1587000000"].state == "denied"
    assert items["revision", "fr:faq@2020/04/01 10:00"].state == "denied"
    assert items["history", "fr:faq"].state == "captured"
    said = [(getattr(one, "revision", ""), getattr(one, "author", "")) for one in wiki().extract(page)]
    assert said == [("", "zoé"), ("1588000000", "192.0.2.7"), ("1587000000", ""), ("", "")]


def lines(first: int, count: int, last: int = 44) -> str:
    """A page of a history whose revisions are numbered from 0 (the newest) to `last`."""
    rows = "".join(
        f'<li><input type="checkbox" name="rev2[]" value="{2_000_000 - n}">'
        f'<a class="wikilink1" href="/wikhan/fr:faq?rev={2_000_000 - n}">fr:faq</a></li>'
        for n in range(first, min(first + count, last + 1))
    )
    more = OLDER if first + count <= last else ""
    return f'<form id="page__revisions">{rows}</form>{more}'


def walked(*numbers: int) -> Walked:
    known = Walked()
    for n in numbers:
        known.items["revision", f"fr:faq@{2_000_000 - n}"] = Known(group="fr:faq")
    return known


def asks(found: list[Found]) -> list[str]:
    return [one.url.removeprefix(BASE) for one in found if isinstance(one, Ask) and "do=revisions" in one.url]


def ended(found: list[Found]) -> bool:
    return any(isinstance(one, Item) and one.kind == "history" and one.state == "captured" for one in found)


def test_pages_of_a_history_share_a_revision_with_the_one_before() -> None:
    first = told(wiki(), html(f"{BASE}fr:faq?do=revisions", head(), lines(0, 20)))
    assert asks(first) == ["fr:faq?do=revisions&first=19"]
    assert not ended(first)
    url = f"{BASE}fr:faq?do=revisions&first=19"
    second = told(wiki(), html(url, head(), lines(19, 20)), walked(*range(20)))
    assert asks(second) == ["fr:faq?do=revisions&first=38"]
    assert not ended(second)


def test_a_page_that_shares_none_looks_between() -> None:
    url = f"{BASE}fr:faq?do=revisions&first=20"
    found = told(wiki(), html(url, head(), lines(21, 20)), walked(*range(20)))
    assert asks(found) == ["fr:faq?do=revisions&first=10", "fr:faq?do=revisions&first=39"]


def test_the_end_is_a_page_that_brings_nothing_new() -> None:
    url = f"{BASE}fr:faq?do=revisions&first=38"
    last = told(wiki(), html(url, head(), lines(38, 20)), walked(*range(39)))
    assert not ended(last)
    assert asks(last) == ["fr:faq?do=revisions&first=44"]
    url = f"{BASE}fr:faq?do=revisions&first=44"
    # Too high a number brings the first page again.
    again = told(wiki(), html(url, head(), lines(0, 20)), walked(*range(45)))
    assert ended(again)
    assert asks(again) == []


def test_a_wiki_that_does_not_turn_pages_proves_nothing() -> None:
    newest = '<li><input type="checkbox" value="2000001"><a href="/wikhan/fr:faq">fr:faq</a></li>'
    page = lines(0, 19).replace("<li>", newest + "<li>", 1)
    same = html(f"{BASE}fr:faq?do=revisions&first=18", head(), page)
    found = told(wiki(), same, walked(*range(19)))
    assert not ended(found)
    assert asks(found) == []
    past = html(f"{BASE}fr:faq?do=revisions&first=45", head(), page)
    assert ended(told(wiki(), past, walked(*range(45))))


def test_a_history_without_older_ones_ends_at_once() -> None:
    assert ended(told(wiki(), html(f"{BASE}fr:faq?do=revisions", head(), lines(0, 20, last=7))))


def test_only_what_its_history_told_counts_as_known() -> None:
    known = walked(*range(20))
    for n in range(19, 39):  # linked from some page, which tells nothing of the history
        known.items.setdefault(("revision", f"fr:faq@{2_000_000 - n}"), Known())
    url = f"{BASE}fr:faq?do=revisions&first=19"
    assert not ended(told(wiki(), html(url, head(), lines(19, 20)), known))


# --- lists


def test_red_links_are_probed_and_not_followed() -> None:
    body = (
        '<a class="wikilink2" href="/wikhan/pas:%C3%A9crite">x</a>'
        '<a class="media wikilink2" href="/wikhan/_media/fr:perdu.png">y</a>'
        '<a class="wikilink1" href="/wikhan/fr:start">z</a>'
    )
    found = told(wiki(), html(f"{BASE}fr:faq", head(more=PAGE), body))
    skipped = [one.url.removeprefix(BASE) for one in found if isinstance(one, Skip)]
    assert skipped == ["pas:%C3%A9crite", "_media/fr:perdu.png"]
    probes = [one.url.removeprefix(BASE) for one in found if isinstance(one, Ask)]
    assert probes == [
        "pas:%C3%A9crite?do=revisions",
        "start?tab_details=history&ns=fr&image=fr%3Aperdu.png&do=media",
    ]


CHANGES = '<form id="dw__recent"><ul>{}</ul><button name="first[20]" accesskey="p">vieux</button></form>'
CHANGE = '<li><span class="date">{}</span> <a class="wikilink1" href="/wikhan/fr:faq">fr:faq</a></li>'


def test_what_changed_since_the_start_is_fetched_once_more() -> None:
    url = f"{BASE}start?do=recent"
    first = told(wiki(), html(url, head(), CHANGES.format(CHANGE.format("10:00"))))
    assert f"{BASE}start?do=recent&first%5B20%5D=" in [one.url for one in first if isinstance(one, Ask)]
    assert [one for one in first if isinstance(one, Ask) and one.again] == []
    known = Walked()
    for one in first:
        if isinstance(one, Item):
            known.items[one.kind, one.id] = Known()
    assert [one for one in first if isinstance(one, Setting)] == []  # there are older ones
    last = told(wiki(), html(f"{url}&first[20]=", head(), '<form id="dw__recent"></form>'))
    assert Setting("changes", "read") in last
    module = wiki()
    module.settings["changes"] = "read"
    same = told(module, html(url, head(), CHANGES.format(CHANGE.format("10:00"))), known)
    assert [one for one in same if isinstance(one, Ask) and one.again] == []
    later = told(module, html(url, head(), CHANGES.format(CHANGE.format("10:05"))), known)
    assert [one.url.removeprefix(BASE) for one in later if isinstance(one, Ask) and one.again] == [
        "fr:faq",
        "_export/raw/fr:faq",
        "fr:faq?do=revisions",
        "start?do=recent&first%5B20%5D=",
    ]


def test_a_sitemap_is_asked_for_only_where_there_is_one() -> None:
    folder = '<div id="index__tree"><a href="/wikhan/start?idx=fr" class="idx_dir"{}>fr</a></div>'
    for said, there in (('rel="nofollow"', True), ("", False)):
        found = told(wiki(), html(f"{BASE}start?do=index", head(), folder.format(said)))
        asked = [one.url for one in found if isinstance(one, Ask)]
        assert (f"{BASE}start?do=sitemap" in asked) is there
        assert f"{BASE}start?idx=fr" in asked


def test_icons_are_fetched_where_a_page_shows_them() -> None:
    style = b"a{background:url(/wikhan/lib/images/fileicons/svg/pdf.svg)} b{background:url(/wikhan/x.png)}"
    sheet = Page(f"{BASE}lib/exe/css.php?t=dokuwiki", 200, "text/css", style, NOW)
    icon = f"{BASE}lib/images/fileicons/svg/pdf.svg"
    assert [one.url for one in told(wiki(), sheet) if isinstance(one, Skip)] == [icon]
    page = html(
        f"{BASE}fr:faq",
        head(more=PAGE),
        '<a class="media mediafile mf_pdf" href="/wikhan/_media/a.pdf">a</a>',
    )
    assert icon in [one.url for one in told(wiki(), page) if isinstance(one, Ask)]


def test_an_empty_sitemap_says_nothing() -> None:
    # It is made from the search index, which may be empty on a wiki full of pages.
    def sitemap(*pages: str) -> Page:
        urls = "".join(f"<url><loc>{BASE}{page}</loc></url>" for page in pages)
        body = f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
        return Page(f"{BASE}start?do=sitemap", 200, "application/xml", body.encode(), NOW)

    assert told(wiki(), sitemap()) == []
    item, heard = told(wiki(), sitemap("fr:faq"))
    assert item == Item("page", "fr:faq", "sitemap", f"{BASE}fr:faq", as_page=True)
    assert heard == Heard("page", "sitemap")


def test_a_media_list_names_files_and_namespaces_but_wants_no_thumbnails() -> None:
    thumbnail = "/wikhan/_media/fr:x.png?w=90&amp;h=90&amp;tok=abcdef"
    body = (
        '<div id="mediamanager__page">'
        '<a class="idx_dir" href="/wikhan/start?ns=fr:archives&amp;tab_files=files&amp;do=media">archives</a>'
        '<a href="/wikhan/start?image=fr%3Ax.png&amp;ns=fr&amp;tab_details=view&amp;do=media">'
        f'<img src="{thumbnail}"></a><a href="/wikhan/start?tab_files=upload&amp;do=media">+</a></div>'
    )
    found = told(wiki(), html(f"{BASE}start?ns=fr&tab_files=files&do=media", head(act="media"), body))
    history = f"{BASE}start?tab_details=history&ns=fr&image=fr%3Ax.png&do=media"
    assert [one for one in found if isinstance(one, Item)] == [
        Item("media", "fr:x.png", "list", f"{BASE}_media/fr:x.png"),
        Item("media history", "fr:x.png", "list", history),
    ]
    assert [one.url.removeprefix(BASE) for one in found if isinstance(one, Ask)] == [
        "start?ns=fr%3Aarchives&tab_files=files&do=media"
    ]
    assert [one.url for one in found if isinstance(one, Skip)] == [
        f"{BASE}_media/fr:x.png?w=90&h=90&tok=abcdef"
    ]
    assert Heard("media", "list") in found
