"""Where the judge model answers: OpenAI's chat completions or Ollama's chat, over HTTP, one question at a time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from llmops_assets.errors import JudgeError
from llmops_assets.evaluation.answering import Answer
from llmops_assets.recipes.evaluation import JudgeConfig
from llmops_assets.storage import atomic

PAUSES_S = (1.0, 4.0)
"""Before the second and the third try, where a server says that it is busy or broken for now."""
FOR_NOW = frozenset({429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHOWN = 160


@dataclass(frozen=True)
class Endpoint:
    """One judge model, and how it is asked."""

    config: JudgeConfig
    key: str = field(default="", repr=False)
    pauses_s: tuple[float, ...] = PAUSES_S

    def memory_key(self, prompt: str, form: Mapping[str, Any]) -> str:
        """What a reply depends on."""
        who = self.config.model_dump(include={"provider", "base_url", "model", "max_tokens", "seed"})
        return atomic.sha256_json(["judge", who, prompt, form])

    def ask(self, prompt: str, form: Mapping[str, Any]) -> Answer:
        """Asks one question, greedy and seeded.

        Args:
            prompt: the question.
            form: the JSON Schema of the reply; Ollama is held to it, others know it from the prompt only.

        Raises:
            JudgeError: there is no answer in time, an error, or something that is no chat reply.
        """
        started = time.monotonic()
        try:
            reply = self._reply(self._body(prompt, form))
            text, reason = self._read(reply)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._error("something that is no chat reply") from error
        return Answer(text, round(time.monotonic() - started, 4), 0, 0, reason, 1)

    @cached_property
    def _client(self) -> Any:
        import httpx

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        # A proxy of the environment is for the world outside, never for this machine.
        outside = urlsplit(self.config.base_url).hostname not in LOOPBACK
        return httpx.Client(headers=headers, timeout=self.config.timeout_s, trust_env=outside)

    @property
    def _url(self) -> str:
        path = "/api/chat" if self.config.provider == "ollama" else "/chat/completions"
        return self.config.base_url.rstrip("/") + path

    def _body(self, prompt: str, form: Mapping[str, Any]) -> dict[str, Any]:
        config = self.config
        body = {"model": config.model, "messages": [{"role": "user", "content": prompt}], "stream": False}
        if config.provider == "ollama":
            options = {"temperature": 0, "seed": config.seed, "num_predict": config.max_tokens}
            return {**body, "format": form, "options": options}
        return {**body, "temperature": 0, "seed": config.seed, "max_tokens": config.max_tokens}

    def _reply(self, body: dict[str, Any]) -> Any:
        for pause in (*self.pauses_s, None):
            response = self._post(body)
            if response.status_code not in FOR_NOW or pause is None:
                break
            time.sleep(pause)
        if response.status_code != 200:
            raise self._error(f"HTTP {response.status_code}: {response.text}")
        return response.json()

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        try:
            return self._client.post(self._url, json=body)
        except httpx.TimeoutException as error:
            raise self._error(f"nothing within {self.config.timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._error(str(error) or type(error).__name__) from error

    def _read(self, reply: Any) -> tuple[str, str]:
        """The text of a reply, and why it ended."""
        if self.config.provider == "ollama":
            text, reason = reply["message"]["content"], reply.get("done_reason")
        else:
            choice = reply["choices"][0]
            text, reason = choice["message"].get("content"), choice.get("finish_reason")
        if not isinstance(text, str | None):
            raise TypeError("the content is no text")
        return text or "", str(reason or "")

    def _error(self, got: str) -> JudgeError:
        said = " ".join(got.split())
        said = said.replace(self.key, "***") if self.key else said
        return JudgeError(f"expected an answer of {self.config.model} at {self._url}, got: {said[:SHOWN]}")


def endpoint_of(config: JudgeConfig, environment: Mapping[str, str]) -> Endpoint:
    """The endpoint of a recipe, with its key from the environment.

    Raises:
        JudgeError: the variable that should hold the key is empty.
    """
    key = environment.get(config.api_key_env, "").strip() if config.api_key_env else ""
    if config.api_key_env and not key:
        raise JudgeError(f"expected the key of {config.model} in the variable {config.api_key_env}, found none; set it")
    return Endpoint(config, key)
