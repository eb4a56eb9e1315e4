"""A model server as a rollout sees it: tags, digests and answers, through Ollama's official client, errors as one line."""

import contextlib
import functools
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from llmops_assets.deployment.connection import is_here
from llmops_assets.errors import DeploymentError

BLOB = re.compile(r"^FROM .*sha256[-:]([0-9a-f]{64})\s*$", re.MULTILINE)
NOT_FOUND = 404
LONG_S = 600.0


class ServerGoneError(DeploymentError):
    """The server does not answer, or no longer."""


class ServerRefusedError(DeploymentError):
    """The server answered with an error."""


@dataclass(frozen=True)
class Tag:
    """A name on the server; `digest` is that of its manifest, so equal digests mean the very same model."""

    name: str
    digest: str
    modified: datetime | None


@dataclass(frozen=True)
class ModelServer:
    """One server that speaks Ollama's API; whatever it is asked, it may take so long."""

    url: str
    timeout_s: float = LONG_S

    def tags(self) -> dict[str, Tag]:
        """Every name on the server, lower case.

        Raises:
            DeploymentError: the server does not answer.
        """
        with self._client("list its models") as client:
            listed = client.list().models
        tags = [Tag((model.model or "").casefold(), model.digest or "", model.modified_at) for model in listed]
        return {tag.name: tag for tag in tags}

    def digest(self, name: str) -> str:
        """The digest of a name; empty where there is no such name."""
        tag = self.tags().get(name.casefold())
        return tag.digest if tag else ""

    def gguf_sha256(self, name: str) -> str:
        """The SHA-256 of the file behind a name, empty where the server does not tell.

        Ollama names the blob that its runner opens in the FROM line of what `show` returns.
        """
        found = BLOB.search(self._modelfile(name))
        return found[1] if found else ""

    def definition(self, name: str) -> tuple[str, ...]:
        """What a name means, in an order that does not change: Ollama prints parameters in any."""
        lines = self._modelfile(name).splitlines()
        return tuple(sorted(line for line in lines if line.strip() and not line.startswith("#")))

    def _modelfile(self, name: str) -> str:
        with self._client(f"show {name}") as client:
            return client.show(name).modelfile or ""

    def upload(self, file: Path) -> str:
        """Uploads a file and returns its digest, `sha256:<hex>`."""
        with self._client(f"take the file {file.name}") as client:
            digest: str = client.create_blob(file)
        return digest

    def create(self, name: str, file: str, digest: str, fields: Mapping[str, Any]) -> None:
        """Creates a model from an uploaded file; `fields` are those of a Modelfile."""
        with self._client(f"create {name}") as client:
            client.create(model=name, files={file: digest}, **fields)

    def copy(self, source: str, target: str) -> None:
        """Lets `target` mean what `source` means."""
        with self._client(f"copy {source} to {target}") as client:
            client.copy(source, target)

    def delete(self, name: str) -> None:
        """Deletes a name; one that is gone already is fine."""
        with contextlib.suppress(KeyError), self._client(f"delete {name}", missing=KeyError) as client:
            client.delete(name)

    def answer(self, name: str, prompt: str, *, timeout_s: float, tokens: int | None = None) -> str:
        """One answer with the model's own parameters, cut after `tokens`."""
        options = {"num_predict": tokens} if tokens else None
        with self._client(f"have {name} answer", timeout_s) as client:
            reply = client.chat(model=name, messages=[{"role": "user", "content": prompt}], options=options)
        return reply.message.content or ""

    @contextlib.contextmanager
    def _client(
        self, what: str, timeout_s: float | None = None, missing: type[Exception] = ServerRefusedError
    ) -> Iterator[Any]:
        """A client for one call; whatever goes wrong becomes one line."""
        import httpx
        import ollama

        client = client_of(self.url, timeout_s or self.timeout_s)
        try:
            yield client
        except ollama.ResponseError as error:
            kind = missing if error.status_code == NOT_FOUND else ServerRefusedError
            raise kind(f"expected {self.url} to {what}, it said {error.status_code}: {error.error}") from error
        except (ConnectionError, httpx.HTTPError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ServerGoneError(f"expected {self.url} to {what}, got: {said}; is the server up?") from error
        except ValueError as error:
            raise ServerRefusedError(f"expected {self.url} to {what}, got no answer of Ollama's API") from error


def stream_chat(url: str, timeout_s: float, **request: Any) -> Generator[Any, None, None]:
    """The parts of an answer; what does not fit the context is refused, where Ollama would drop turns in silence.

    The client's own `chat` cannot say that: it has neither `truncate` nor `shift`.
    """
    import ollama

    request |= {"stream": True, "truncate": False, "shift": False}
    parts: Generator[Any, None, None] = client_of(url, timeout_s)._request(
        ollama.ChatResponse, "POST", "/api/chat", json=request, stream=True
    )
    return parts


@functools.lru_cache(maxsize=64)
def client_of(url: str, timeout_s: float) -> Any:
    """The official client for a server; making one takes longer than most requests, and threads may share it."""
    import ollama

    return ollama.Client(host=url, timeout=timeout_s, trust_env=not is_here(url))
