"""One GGUF file in llama.cpp: raw prompts in, text out.

`complete` may be called from many threads: each call takes a slot, and llama.cpp decodes all busy slots in one batch. With one
slot an answer depends on nothing but the prompt; with eight, 39 of 40 greedy answers had other probabilities in the last digits
and 1 of 200 another word. Every slot has a context of its own: with one cache shared by all slots 13 to 17 of 20 answers changed.
"""

import json
import secrets
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from llmops_assets.errors import ServingError
from llmops_assets.serving.options import Sampling
from llmops_assets.serving.process_signals import kept_signal_actions
from llmops_assets.storage.atomic import sha256_json

StopReason = Literal["stop", "length", "cancelled"]
ANY_OBJECT: dict[str, Any] = {"type": "object"}
CERTAIN = 1000.0
KNOWN_SCHEMAS = 1000
"""Schemas of which is remembered whether they can be enforced: a caller may send another one with each request."""
# Free whitespace between tokens lets a small model write blanks until its tokens are used up.
COMPACT = {"x-guidance": {"whitespace_flexible": False}}


class PromptTooLongError(ServingError):
    """A prompt that does not fit the context."""


class SchemaError(ServingError):
    """A JSON schema that llama.cpp cannot enforce."""


@dataclass(frozen=True)
class Completion:
    """What came out, and what it took; `first_token_s` counts from the call, waiting for a slot included."""

    text: str
    prompt_tokens: int
    output_tokens: int
    stop_reason: StopReason
    first_token_s: float
    total_s: float
    prompt_eval_s: float = 0.0
    eval_s: float = 0.0


class Engine:
    """A loaded model. Close it, or let it go, to free its memory."""

    def __init__(self, gguf: Path, *, context: int, slots: int, threads: int) -> None:
        """Loads a model.

        Args:
            gguf: the file.
            context: tokens of prompt and answer together, for each slot.
            slots: how many prompts are worked on at once.
            threads: CPU threads, for all slots together.

        Raises:
            ServingError: llama.cpp cannot load the file.
        """
        self.context, self.slots = context, slots
        self._key = secrets.token_hex(16)
        self._enforced: dict[str, bool] = {}
        self._probing = Lock()
        try:
            with kept_signal_actions():
                self._server = _load(gguf, context, slots, threads, self._key)
        except RuntimeError as error:
            raise ServingError(
                f"expected a model that llama.cpp can load in {gguf.name}, got a refusal; the file may be cut or of an "
                "unknown architecture, or the memory may be too small"
            ) from error

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        *,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        """Continues a prompt.

        Args:
            prompt: the text as the model sees it, template and all, or its tokens.
            sampling: how to choose tokens, and when to stop.
            json_schema: what the text must be, written without blanks between tokens; the model cannot leave it.
            on_text: called with each new piece; True cancels the rest.

        Raises:
            PromptTooLongError: the prompt does not fit the context.
            SchemaError: llama.cpp cannot enforce the schema.
            ServingError: llama.cpp refused for another reason.
        """
        if json_schema is not None:
            json_schema = COMPACT | json_schema
            self._require_enforced(json_schema)
        body = {**sampling.values, "prompt": prompt if isinstance(prompt, str) else list(prompt)}
        return self._run(body | ({"json_schema": json_schema} if json_schema is not None else {}), on_text)

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text, special ones read as such."""
        body = json.dumps({"content": text, "add_special": True, "parse_special": True}).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._server.listening_address}/tokenize", body, headers)
        here = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with here.open(request, timeout=60) as reply:
            tokens: list[int] = json.load(reply)["tokens"]
        return tokens

    def close(self) -> None:
        """Frees the model's memory; no call may be under way."""
        self._server = None

    def _run(self, body: dict[str, Any], on_text: Callable[[str], bool] | None = None) -> Completion:
        from time import monotonic

        started, first = monotonic(), 0.0
        pieces: list[str] = []
        end: dict[str, Any] = {}

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal first
            error = chunk.get("error", chunk if "message" in chunk else None)
            if error:
                end["error"] = error
                return False
            choice = chunk["choices"][0]
            first = first or monotonic() - started
            pieces.append(choice["text"])
            if choice["finish_reason"]:
                end.update(chunk, reason=choice["finish_reason"])
            return bool(choice["text"] and on_text and on_text(choice["text"]))

        # A prompt that goes on from what the one before left is rounded otherwise: 2 of 20 answers changed.
        self._server.handle_completions({**body, "stream": True, "cache_prompt": False}, receive)
        if "error" in end:
            raise _failure(end["error"])
        timings, usage = end.get("timings", {}), end.get("usage", {})
        return Completion(
            text="".join(pieces),
            prompt_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", len(pieces)),
            stop_reason=end.get("reason", "cancelled"),
            first_token_s=first,
            total_s=monotonic() - started,
            prompt_eval_s=timings.get("prompt_ms", 0.0) / 1000,
            eval_s=timings.get("predicted_ms", 0.0) / 1000,
        )

    def _require_enforced(self, schema: dict[str, Any]) -> None:
        """Refuses a schema that llama.cpp would silently ignore.

        It drops a grammar that it cannot build and goes on without. So the probe asks for one token and makes a letter
        that no JSON begins with certain: only an enforced schema keeps it out.
        """
        key = sha256_json(schema)
        with self._probing:
            if key not in self._enforced:
                if len(self._enforced) >= KNOWN_SCHEMAS:
                    self._enforced.clear()
                forbidden = self.tokenize("x")[-1]
                body = {"prompt": [forbidden], "n_predict": 1, "temperature": 0.0, "json_schema": schema}
                said = self._run({**body, "logit_bias": [[forbidden, CERTAIN]]}).text
                self._enforced[key] = said != "x"
            if not self._enforced[key]:
                raise SchemaError("invalid format: the JSON schema has a part that cannot be enforced")


def _load(gguf: Path, context: int, slots: int, threads: int, key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_parallel, params.n_ctx, params.kv_unified = slots, slots * context, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.fit_params = False
    # llama.cpp opens an HTTP port of its own for tokenize; nobody else shall use it.
    params.api_keys, params.ui, params.endpoint_slots = [key], False, False
    params.hostnames, params.port = ["127.0.0.1"], 0
    # Its default keeps 8 GiB of old contexts in memory.
    params.cache_ram_mib = 0
    params.verbosity = -1
    return xllamacpp.Server(params)


def _failure(error: dict[str, Any]) -> ServingError:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLongError("the input length exceeds the context length")
    return ServingError(f"llama.cpp refused the request: {error.get('message', error)}")
