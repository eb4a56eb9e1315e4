"""A client of {{ product.product_name }} {{ product.version }} in one file; needs httpx and nothing else.

    with {{ client_class }}("http://127.0.0.1:{{ port }}") as client:
        print(client.ask({{ examples[0].request|quoted }}).text)
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

MODEL = "{{ model_name }}"
BUSY = frozenset({429, 503})


class {{ client_class }}Error(RuntimeError):
    """The server could not be reached, or refused."""


@dataclass(frozen=True)
class Answer:
    """What the model said, and what it took."""

    text: str
    truncated: bool
    prompt_tokens: int
    output_tokens: int
    seconds: float

    @property
    def data(self) -> Any:
        """The text as JSON; a ValueError where it is none."""
        return json.loads(self.text)


class {{ client_class }}:
    """Asks one server; safe to share between threads."""

    def __init__(self, url: str = "http://127.0.0.1:{{ port }}", *, model: str = MODEL, timeout: float = 60, attempts: int = 3) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout)
        self._model, self._attempts = model, attempts

    def __enter__(self) -> {{ client_class }}:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def ask(self, request: str) -> Answer:
        """One request, one answer.

        Raises:
            {{ client_class }}Error: no server, no such model, or busy after all attempts.
        """
        started = time.monotonic()
        body = {"model": self._model, "messages": [{"role": "user", "content": request}], "stream": False}
        reply = self._post("/api/chat", body)
        return Answer(
            text=reply["message"]["content"],
            truncated=reply.get("done_reason") == "length",
            prompt_tokens=reply.get("prompt_eval_count", 0),
            output_tokens=reply.get("eval_count", 0),
            seconds=time.monotonic() - started,
        )

    def healthy(self) -> bool:
        """Whether the server is up and has the model."""
        try:
            models = self._http.get("/api/tags").raise_for_status().json()["models"]
        except httpx.HTTPError:
            return False
        return self._model in [entry["name"] for entry in models]

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(1, self._attempts + 1):
            try:
                reply = self._http.post(path, json=body)
            except httpx.HTTPError as error:
                raise {{ client_class }}Error(f"no answer from {self._http.base_url}: {error}") from error
            if reply.status_code not in BUSY or attempt == self._attempts:
                break
            time.sleep(_pause(reply, attempt))
        if reply.is_error:
            raise {{ client_class }}Error(f"{reply.status_code}: {reply.text}")
        found: dict[str, Any] = reply.json()
        return found


def _pause(reply: httpx.Response, attempt: int) -> float:
    named = reply.headers.get("retry-after", "")
    return min(float(named), 30.0) if named.isdigit() else 0.5 * 2**attempt
