"""What DokuWiki's skin needs: its style sheet names an icon for every kind of file and every other wiki.

Of those only the ones that a page shows are fetched. Sources: lib/exe/css.php (css_filetypes,
css_interwiki), lib/plugins of the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crawler.engine.links import links
from crawler.software import Ask, Found, Page, Skip

# Releases before these icons were SVG name few, and not under names that pages give away: all are kept.
_ICON = re.compile(r"lib/images/(?:fileicons/svg|interwiki)/[^/]+\.svg")
_ADMIN = re.compile(
    r"lib/plugins/(?:acl|config|extension|popularity|revert|styling|usermanager|logviewer)/.*"
)
_SHOWN = re.compile(r"\b(mf|iw)_([a-z0-9][a-z0-9_-]*)")


def read_style(page: Page, base: str) -> Iterator[Found]:
    """The icons that are left until a page shows them, and those of the administration."""
    for url, _ in links(page.body, page.url, page.mime, page.charset):
        path = url[len(base) :] if url.startswith(base) else ""
        if _ICON.fullmatch(path):
            yield Skip(url, "dokuwiki:icon", "an icon that is kept once a page shows it")
        elif _ADMIN.fullmatch(path):
            yield Skip(url, "dokuwiki:admin-icon", "a picture of the administration, which no visitor sees")


def read_icons(page: Page, base: str) -> Iterator[Found]:
    """The icons that a page shows, by the classes of its links."""
    shown = dict.fromkeys(
        found
        for link in page.tree.css("a[class]")
        for found in _SHOWN.findall(link.attributes.get("class") or "")
    )
    for kind, name in shown:
        folder = "fileicons/svg" if kind == "mf" else "interwiki"
        yield Ask(f"{base}lib/images/{folder}/{name}.svg", "requisite")
