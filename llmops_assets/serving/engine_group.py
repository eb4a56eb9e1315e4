"""A model on all cores: small ones as an engine a core, large ones as one engine with all threads.

llama.cpp's threads wait for each other some hundred times a token. A model of 145 MB answered a lone request in 0.43 s on one
thread and in 0.89 s on two, and eight at once 2.1 times as fast from two engines of one thread than from one engine of two.
`benchmarks/engines.py` measures it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.machine import usable_cores
from llmops_assets.serving.engine import Completion, Engine
from llmops_assets.serving.options import Sampling

SMALL = 2**30
"""Bytes of a file up to which one thread reads its weights fast enough. Engines share the file's pages in memory."""


class EngineGroup:
    """One or several engines of the same file behind the interface of one; a call goes to the engine with the least to do."""

    def __init__(self, gguf: Path, *, context: int, slots: int) -> None:
        """Loads the model; see `Engine`. The slots are those of all engines together."""
        self.context, self.slots = context, slots
        cores = usable_cores()
        count = min(cores, slots) if gguf.stat().st_size <= SMALL else 1
        share = -(-slots // count)
        self._engines = [
            Engine(gguf, context=context, slots=share, threads=max(1, cores // count)) for _ in range(count)
        ]
        self._busy = [0] * count
        self._lock = Lock()

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        *,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        """See `Engine.complete`."""
        with self._least_busy() as engine:
            return engine.complete(prompt, sampling, json_schema=json_schema, on_text=on_text)

    def tokenize(self, text: str) -> list[int]:
        """See `Engine.tokenize`."""
        return self._engines[0].tokenize(text)

    def close(self) -> None:
        """Frees the model's memory; no call may be under way."""
        for engine in self._engines:
            engine.close()

    @contextmanager
    def _least_busy(self) -> Iterator[Engine]:
        with self._lock:
            place = self._busy.index(min(self._busy))
            self._busy[place] += 1
        try:
            yield self._engines[place]
        finally:
            with self._lock:
                self._busy[place] -= 1
