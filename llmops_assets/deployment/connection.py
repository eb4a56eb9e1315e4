"""Which server the models live in: the one that answers at the recipe's URL, or the embedded one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlparse

from llmops_assets.errors import DeploymentError

Kind = Literal["ollama", "embedded"]
PROBE_S = 5.0
EMBEDDED_MARK = "llmops"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Connection:
    """A server that answers, and why it is this one."""

    url: str
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Probe:
    """What was found at a URL, and what it said."""

    kind: Kind | Literal["stranger", "nothing"]
    detail: str


def is_here(url: str) -> bool:
    """Whether a URL is of this machine; no proxy of the environment leads there."""
    return urlparse(url).hostname in LOOPBACK


def probe(url: str) -> Probe:
    """Asks who answers at a URL."""
    import httpx

    try:
        reply = httpx.get(f"{url.rstrip('/')}/api/version", timeout=PROBE_S, trust_env=not is_here(url))
        version = reply.json().get("version") if reply.status_code == httpx.codes.OK else None
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Probe("nothing", "nothing answers")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        return Probe("stranger", f"it does not speak Ollama's API ({type(error).__name__})")
    if not isinstance(version, str):
        return Probe("stranger", f"it does not speak Ollama's API (status {reply.status_code})")
    return Probe("embedded" if EMBEDDED_MARK in version else "ollama", f"version {version}")


def connect(url: str, *, embedded_allowed: bool, start_embedded: Callable[[], str]) -> Connection:
    """The server at a URL, or the embedded one where nothing answers there.

    Args:
        url: of the recipe.
        embedded_allowed: whether the embedded server may take its place; only for an address of this machine.
        start_embedded: starts it, or finds it running, and returns its URL.

    Raises:
        DeploymentError: something else is on the port, or nothing answers and the embedded server may not.
    """
    found = probe(url)
    if found.kind == "stranger":
        raise DeploymentError(
            f"expected Ollama's API at {url}, something else answers there: {found.detail}; "
            "free the port or set deployment.ollama_url"
        )
    if found.kind != "nothing":
        name = "Ollama" if found.kind == "ollama" else "the embedded server"
        return Connection(url, found.kind, f"{name} answers there ({found.detail})")
    if not embedded_allowed:
        raise DeploymentError(
            f"expected Ollama at {url}, nothing answers there; start it, or set deployment.embedded_server to true"
        )
    if not is_here(url):
        raise DeploymentError(
            f"expected a server at {url}, nothing answers there, and the embedded server cannot stand in for another "
            "machine; start it, or set deployment.ollama_url to an address of this machine"
        )
    return Connection(
        start_embedded(), "embedded", f"nothing answers at {url}, and the recipe allows the embedded server"
    )
