"""Who may look: checks every request before it is answered, and tells browsers what the page may load."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def access_check(token: str, port: int) -> Middleware:
    """Return what refuses requests of strangers and of other sites.

    Args:
        token: that must come with each request; empty for a page that this machine alone reaches.
        port: of the page; cookies are shared by all ports of a host.
    """
    cookie = f"epofusion_view_{port}"

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not token and not _is_loopback(request.host):
            # A name of somebody else's that leads here: his page would count as ours (DNS rebinding).
            raise web.HTTPForbidden(text=f"asked for as {request.host}; expected localhost or 127.0.0.1")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text=f"asked for by a page of {origin}; expected the page itself")
        if not token or _is_same(request.cookies.get(cookie, ""), token):
            return await handler(request)
        if not _is_same(request.query.get("token", ""), token):
            raise web.HTTPUnauthorized(text="the token is missing or wrong; expected the address that was printed")
        answer = web.HTTPSeeOther(request.path)  # takes the token out of the address bar and the history
        answer.set_cookie(cookie, token, httponly=True, samesite="Strict")
        return answer

    return check


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Let the page load nothing from elsewhere, and nobody frame or keep it."""
    response.headers.update(_HEADERS)


def _is_same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
