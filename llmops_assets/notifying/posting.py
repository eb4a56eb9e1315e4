"""One HTTP POST, tried again where that may help. Its address never shows: whoever knows a webhook's address may use it.

So the standard library's client: httpx writes every address to the log.
"""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

PAUSES_S = (1.0, 4.0)
"""Before the second and the third try; more would hold up the sensor, whose next tick tries again anyway."""
LONGEST_WAIT_S = 10.0
"""A server that asks for more patience is left to a later tick."""
TIMEOUT_S = 5.0
FOR_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHOWN = 80


@dataclass(frozen=True)
class Outcome:
    """What came of a delivery.

    Attributes:
        problem: empty where it arrived; never holds an address's path or a password.
        final: trying again later cannot help.
        tries: how often it was tried.
        wait_s: what the server asked to be waited before the next try.
    """

    problem: str = ""
    final: bool = False
    tries: int = 1
    wait_s: float = 0.0


def redacted(url: str) -> str:
    """A webhook's address as it may be shown: who, not where."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/***"


def post(url: str, body: bytes, headers: Mapping[str, str], pauses_s: tuple[float, ...] = PAUSES_S) -> Outcome:
    """Posts a body of JSON; what fails for now is tried again, no redirect is followed."""
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", "User-Agent": "llmops-assets", **headers}, method="POST"
    )
    return tried(lambda: _once(request), pauses_s)


def tried(once: Callable[[], Outcome], pauses_s: Sequence[float]) -> Outcome:
    """What came of a delivery that is tried again after each pause, as long as that may help."""
    for tries, pause in enumerate((*pauses_s, None), 1):
        got = replace(once(), tries=tries)
        if not got.problem or got.final or pause is None or got.wait_s > LONGEST_WAIT_S:
            return got
        time.sleep(max(pause, got.wait_s))
    raise AssertionError("the last pause is None")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_: Any) -> None:
        """Follows none."""


def _once(request: urllib.request.Request) -> Outcome:
    # A proxy of the environment is for the world outside, never for this machine.
    proxy = [urllib.request.ProxyHandler({})] if urlsplit(request.full_url).hostname in LOOPBACK else []
    try:
        with urllib.request.build_opener(_NoRedirect, *proxy).open(request, timeout=TIMEOUT_S):
            return Outcome()
    except urllib.error.HTTPError as error:
        with error:
            said = _without_address(error.read(4 * SHOWN).decode(errors="replace"), request)
            return Outcome(
                f"HTTP {error.code} {said}".strip(), final=error.code not in FOR_NOW, wait_s=_asked_to_wait(error)
            )
    except urllib.error.URLError as error:
        return Outcome(_without_address(str(error.reason), request))
    except (http.client.HTTPException, ValueError) as error:
        # Their words may hold the address.
        return Outcome(type(error).__name__)
    except OSError as error:
        return Outcome(error.strerror or type(error).__name__)


def _without_address(text: str, request: urllib.request.Request) -> str:
    parts = urlsplit(request.full_url)
    for secret in (request.full_url, f"{parts.path}?{parts.query}", parts.query, parts.path):
        text = text.replace(secret, "***") if len(secret) > 1 else text
    return " ".join(text.split())[:SHOWN]


def _asked_to_wait(error: urllib.error.HTTPError) -> float:
    """Retry-After, in seconds or as a date; 0 where there is none."""
    given = (error.headers.get("Retry-After") or "").strip()
    if given.isdigit():
        return float(given)
    try:
        return max((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0
