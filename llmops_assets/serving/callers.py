"""Who may call a server that listens on this machine only: no web page under a name or from an origin of its own."""

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
APPLICATIONS = ("app", "file", "tauri", "vscode-webview", "vscode-file")
METHODS = "GET, POST, DELETE, HEAD, OPTIONS"


class OnlyLocalCallers:
    """Answers 403 to a foreign Host header where the server is on loopback, and to a foreign Origin everywhere."""

    def __init__(self, app: ASGIApp, *, loopback: bool) -> None:
        """Stands before `app`."""
        self._app, self._loopback = app, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin", "")
        if (self._loopback and not is_local(host)) or (origin and not is_allowed_origin(origin, host)):
            return await Response(status_code=403)(scope, receive, send)
        if not origin:
            return await self._app(scope, receive, send)
        asked = headers.get("access-control-request-headers", "")
        if scope["method"] == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Allow-Headers": asked or "*"}
            return await Response(status_code=204, headers=allowed | _to_origin(origin))(scope, receive, send)
        return await self._app(scope, receive, _with_headers(send, _to_origin(origin)))


def is_local(host: str) -> bool:
    """Whether a Host header means this machine or its private network."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in ("", "localhost", socket.gethostname().lower()) or name.endswith(LOCAL_SUFFIXES)
    return address.is_loopback or address.is_private or address.is_unspecified


def is_allowed_origin(origin: str, host: str) -> bool:
    """Whether a web page or application of this origin may call: one of this machine, or one that this server sent."""
    try:
        parts = urlsplit(origin)
        name = parts.hostname
    except ValueError:
        return False
    return parts.scheme in APPLICATIONS or name in ("localhost", "127.0.0.1", "0.0.0.0", "::1") or parts.netloc == host


def _to_origin(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return sending
