"""A model on all cores: small ones as an engine a core with one prompt each, large ones as one engine with all threads.

What is computed together changes how sums are rounded, so an answer shall not share a batch with others. A small model loses
little by that: 200 requests to a Q6_K file took 32 s of CPU one at a time and 37 s four at a time, Q4_K_M and F16 8% more. And
threads of one model wait for each other some hundred times a token. `benchmarks/engines.py` measures both.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any

from llmops_assets.machine import usable_cores
from llmops_assets.serving.engine import Completion, Engine
from llmops_assets.serving.options import Sampling

SMALL = 2**30
"""Bytes of a file up to which one thread reads its weights fast enough. Engines share the file's pages in memory."""


def answers_apart(gguf: Path) -> bool:
    """Whether a file is small enough that its answers do not depend on what else is asked, however many slots it is served with."""
    return gguf.stat().st_size <= SMALL


def complete_all(engine: "Engine | EngineGroup", prompts: Sequence[str], sampling: Sampling) -> list[str]:
    """The texts in the order of the prompts, as many under way at once as the engine has slots."""
    with ThreadPoolExecutor(engine.slots) as pool:
        return [done.text for done in pool.map(lambda prompt: engine.complete(prompt, sampling), prompts)]


class EngineGroup:
    """One or several engines of the same file behind the interface of one; a call waits for the first that is free."""

    def __init__(self, gguf: Path, *, context: int, slots: int) -> None:
        """Loads the model; see `Engine`.

        Args:
            gguf: the file.
            context: tokens of prompt and answer together.
            slots: calls that are under way at once; those of a small model wait for a core among them.
        """
        self.context, self.slots = context, slots
        cores = usable_cores()
        apart = answers_apart(gguf)
        count, share, threads = (min(cores, slots), 1, 1) if apart else (1, slots, cores)
        self._engines = [Engine(gguf, context=context, slots=share, threads=threads) for _ in range(count)]
        self._free: SimpleQueue[Engine] = SimpleQueue()
        for engine in self._engines * share:
            self._free.put(engine)

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        *,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        """See `Engine.complete`; the times of the completion count from this call, the wait for an engine included."""
        started = monotonic()
        engine = self._free.get()
        waited = monotonic() - started
        try:
            found = engine.complete(prompt, sampling, json_schema=json_schema, on_text=on_text)
        finally:
            self._free.put(engine)
        return replace(found, first_token_s=found.first_token_s + waited, total_s=found.total_s + waited)

    def tokenize(self, text: str) -> list[int]:
        """See `Engine.tokenize`."""
        return self._engines[0].tokenize(text)

    def close(self) -> None:
        """Frees the model's memory; no call may be under way."""
        for engine in self._engines:
            engine.close()
