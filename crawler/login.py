"""Being logged in to a member area: cookies out of a file or a form, and a canary that proves it.

What is asked for here is never recorded and never logged: forms, passwords, cookies.
"""

from __future__ import annotations

import html
import shlex
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http.cookiejar import LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.canonical import canonical
from crawler.capture.client import Client, Unreachable
from crawler.capture.cookies import Jar
from crawler.config import Site
from crawler.frontier import host_of
from crawler.keys import keys_in, owner_only
from crawler.visit import text
from storage.errors import RemoteError, UsageError
from storage.exchange import Exchange

_REDIRECTS = 6
_NAMED = ("user", "name", "login", "mail", "id", "u")
"""What fields for a name are called, in parts, most telling first."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is sent: where to, and its fields in order."""

    action: str
    fields: tuple[tuple[str, str], ...]


class Login:
    """Logs in to one site, and tells whether it still is.

    own: is a URL on the site's own server; a password goes nowhere else. environment: where the names of
    `user_env` and `password_env` are looked up. turn: waits for a place at a host, see `Pace.turn`.
    """

    def __init__(
        self,
        site: Site,
        *,
        client: Client,
        cookies: Jar,
        own: Callable[[str], bool],
        environment: Mapping[str, str],
        turn: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        self._site = site
        self._client = client
        self._cookies = cookies
        self._own = own
        self._environment = environment
        self._turn = turn

    async def enter(self) -> None:
        """Log in, and be sure of it. UsageError for settings that cannot work, RemoteError when refused."""
        for url in self._site.urls:
            self._cookies.enable(url)
        if self._site.cookies:
            self._load(Path(self._site.cookies))
        if self._site.login:
            user, password = self._keys()
            page, body = await self._get(self._site.login)
            form = login_form(body, page, user, password)
            if form is None:
                raise self._refused("the page has no form with a field for a password", self._site.login)
            if not self._own(form.action):
                raise self._refused(f"its form would send the password to {form.action}", self._site.login)
            await self._post(form)
        if not await self.inside():
            raise self._refused(
                f"{self._site.canary!r} does not stand on the page that should prove it: {self._door()}",
                self._site.login or self._site.cookies,
            )

    async def inside(self) -> bool:
        """Whether the canary is there: a text that only members see."""
        _, body = await self._get(self._door())
        return self._site.canary in html.unescape(body)

    def _door(self) -> str:
        return self._site.canary_url or self._site.urls[0]

    def lost(self) -> RemoteError:
        """What to say when the canary is gone in the middle of a crawl."""
        return RemoteError(
            f"{self._site.name} has logged us out",
            what=f"{self._site.name} has logged us out: {self._site.canary!r} is not on the page any more",
            where=self._door(),
            next=(f"jukni crawl {self._site.name}",),
        )

    def _refused(self, what: str, where: str) -> RemoteError:
        return RemoteError(
            f"nobody is logged in to {self._site.name}",
            what=f"nobody is logged in to {self._site.name}: {what}",
            where=where,
            kept="nothing was captured without being logged in; earlier snapshots are untouched",
            next=("jukni doctor", f"jukni crawl {self._site.name}"),
        )

    def _keys(self) -> tuple[str, str]:
        site = self._site
        if site.credentials:
            return keys_in(site.credentials, f'site "{site.name}"')
        missing = [name for name in (site.user_env, site.password_env) if not self._environment.get(name)]
        if missing:
            raise UsageError(
                f'site "{site.name}" has no password',
                what=f"not set in the environment: {' and '.join(missing)}",
                kept="nothing was sent",
                next=(f"export {site.user_env}=…  {site.password_env}=…", f"jukni crawl {site.name}"),
            )
        return self._environment[site.user_env], self._environment[site.password_env]

    def _load(self, path: Path) -> None:
        owner_only(path, f'the cookies of site "{self._site.name}"')
        jar = MozillaCookieJar(str(path))
        try:
            jar.load(ignore_discard=True, ignore_expires=False)
        except (LoadError, OSError, ValueError) as error:
            raise UsageError(
                f'the cookies of site "{self._site.name}" cannot be read',
                what="it is no cookies.txt as browsers' add-ons write it (Netscape format)",
                where=str(path),
                kept="nothing was sent",
                next=(f"head -1 {shlex.quote(str(path))}",),
            ) from error
        self._cookies.take(jar)

    async def _get(self, url: str) -> tuple[str, str]:
        """A page over its redirects: its address and its text."""
        for _ in range(_REDIRECTS):
            exchange = await self._fetch(url, "GET", b"")
            target = self._redirect(exchange)
            if target is None:
                return url, _words(exchange)
            url = target
        raise self._refused("it redirects without end", url)

    async def _post(self, form: Form) -> None:
        exchange = await self._fetch(form.action, "POST", urlencode(form.fields).encode("ascii"))
        if target := self._redirect(exchange):
            await self._get(target)

    async def _fetch(self, url: str, method: str, body: bytes) -> Exchange:
        headers = [(b"Cookie", cookie)] if (cookie := self._cookies.header_for(url)) else []
        if body:
            headers.append((b"Content-Type", b"application/x-www-form-urlencoded"))
        try:
            async with self._turn(host_of(url)):
                exchange = await self._client.fetch(url, method=method, headers=headers, body=body)
        except Unreachable as error:
            raise self._refused(f"{error.kind}: {error.text}", url) from error
        self._cookies.remember(url, exchange.head)
        return exchange

    def _redirect(self, exchange: Exchange) -> str | None:
        location = exchange.head.get(b"location") if exchange.head and 300 <= exchange.status < 400 else None
        if location is None:
            return None
        target = canonical(location.decode("utf-8", "replace"), exchange.url)
        if target is None or not self._own(target):
            raise self._refused(f"it redirects to another server: {target}", exchange.url)
        return target


def login_form(body: str, url: str, user: str, password: str) -> Form | None:
    """The first form of a page that wants one password, filled in; None when there is none.

    url: of the page. The name goes into the text field whose name is most telling, else the one before the
    password; hidden fields and the first button with a name go along, as a browser would send them.
    """
    for form in LexborHTMLParser(body).css("form"):
        inputs = form.css("input, button")
        secrets = [field for field in inputs if _type(field) == "password" and field.attributes.get("name")]
        if len(secrets) != 1:
            continue  # none, or a form to register or to change it
        name = _name_field(inputs, secrets[0])
        if name is None:
            continue
        fields: list[tuple[str, str]] = []
        pressed = False
        for field in inputs:
            key, kind = field.attributes.get("name") or "", _type(field)
            if not key:
                continue
            if key == secrets[0].attributes["name"]:
                fields.append((key, password))
            elif key == name:
                fields.append((key, user))
            elif kind in ("hidden", "text", "email"):
                fields.append((key, field.attributes.get("value") or ""))
            elif kind == "submit" and not pressed:
                pressed = True
                fields.append((key, field.attributes.get("value") or ""))
        action = canonical(form.attributes.get("action") or url, url)
        return Form(action, tuple(fields)) if action else None
    return None


def _name_field(inputs: list[LexborNode], secret: LexborNode) -> str | None:
    before = inputs[: next(at for at, field in enumerate(inputs) if field == secret)]
    names = [
        str(field.attributes["name"])
        for field in (*reversed(before), *inputs)
        if _type(field) in ("text", "email") and field.attributes.get("name")
    ]
    for word in _NAMED:
        if found := next((name for name in names if word in name.lower()), None):
            return found
    return names[0] if names else None


def _type(field: LexborNode) -> str:
    usual = "submit" if field.tag == "button" else "text"
    return (field.attributes.get("type") or usual).lower()


def _words(exchange: Exchange) -> str:
    body = text(exchange)
    exchange.response.close()
    return body.decode("utf-8", "replace")
