"""A model on all cores: small ones as an engine a core with one prompt each, large ones as one engine with all threads.

What is computed together changes how sums are rounded, so an answer shall not depend on the others of a batch. Where few requests
wait, a core of a small model answers them one by one. Where many do, it takes up to 48 greedy ones together and asks those alone
whose answer could have become another one by that (`greedy_batch`). And threads of one model wait for each other some hundred
times a token. `benchmarks/engines.py` measures all three.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from time import monotonic
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.machine import usable_cores
from llmops_assets.serving.engine import Completion, Engine
from llmops_assets.serving.greedy_batch import ROWS, SURE, BatchModel, GreedyBatch, Job
from llmops_assets.serving.options import Sampling

SMALL = 2**30
"""Bytes of a file up to which one thread reads its weights fast enough. Engines share the file's pages in memory."""
MANY = 8
"""Greedy requests a free core that are worth a batch: with fewer a token costs as much as alone."""
TRIED, WASTED = 64, 1 / 3
"""After so many batched requests no more are batched if a larger share of them than this had to be asked again, alone."""


def answers_apart(gguf: Path) -> bool:
    """Whether a file is small enough that its answers do not depend on what else is asked, however many slots it is served with."""
    return gguf.stat().st_size <= SMALL


def how_batched() -> str:
    """In words, for whoever must know by which rule an answer came about."""
    return f"greedy ones {ROWS} at a time where each token leads by {SURE}"


def complete_all(engine: "Engine | EngineGroup", prompts: Sequence[str], sampling: Sampling) -> list[str]:
    """The texts in the order of the prompts, as many under way at once as the engine has slots."""
    with ThreadPoolExecutor(engine.slots) as pool:
        return [done.text for done in pool.map(lambda prompt: engine.complete(prompt, sampling), prompts)]


@dataclass(eq=False)
class _Call:
    """A request in the line; its turn comes as an engine to ask, or as the answer."""

    prompt: str | Sequence[int]
    sampling: Sampling
    batchable: bool
    asked: float = field(default_factory=monotonic)
    turn: "Future[Engine | Completion]" = field(default_factory=Future)


class EngineGroup:
    """One or several engines of the same file behind the interface of one; calls are answered in the order in which they come."""

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
        self._free: list[Engine] = self._engines * share
        self._line: deque[_Call] = deque()
        self._leaders: list[threading.Thread] = []
        self._lock = threading.RLock()
        self._batches = _Batches(gguf, context) if apart and slots >= MANY else None

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        *,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        """See `Engine.complete`; the times of the completion count from this call, the wait for an engine included.

        An answer of a batch is given to `on_text` whole.
        """
        batchable = isinstance(prompt, str) and json_schema is None and sampling.greedily and sampling.max_tokens > 0
        call = _Call(prompt, sampling, batchable and self._batches is not None)
        with self._lock:
            self._line.append(call)
            self._go_on()
        turn = call.turn.result()
        if isinstance(turn, Completion):
            if turn.text and on_text:
                on_text(turn.text)
            return turn
        try:
            return self._ask(turn, call, json_schema, on_text)
        finally:
            self._give_back(turn)

    def tokenize(self, text: str) -> list[int]:
        """See `Engine.tokenize`."""
        return self._engines[0].tokenize(text)

    def close(self) -> None:
        """Frees the model's memory; no call may be under way."""
        # Who got a batch's last answer may be here before the batch itself has ended.
        for leader in self._leaders:
            leader.join()
        for engine in self._engines:
            engine.close()
        if self._batches:
            self._batches.close()

    def _give_back(self, engine: Engine) -> None:
        with self._lock:
            self._free.append(engine)
            self._go_on()

    def _go_on(self) -> None:
        """Gives free engines to those who are first in the line; the lock is held."""
        while self._free and self._line:
            front = sum(1 for _ in takewhile(lambda call: call.batchable, self._line))
            share = -(-front // len(self._free))
            engine = self._free.pop()
            if self._batches and self._batches.pay and share >= MANY:
                calls = deque(self._line.popleft() for _ in range(min(share, ROWS)))
                self._leaders = [each for each in self._leaders if each.is_alive()]
                self._leaders.append(threading.Thread(target=self._together, args=(engine, calls), daemon=True))
                self._leaders[-1].start()
            else:
                self._line.popleft().turn.set_result(engine)

    def _together(self, engine: Engine, calls: deque[_Call]) -> None:
        """Answers calls in a batch on the engine's core, and takes more while those in front of the line can be batched."""
        assert self._batches is not None
        batches = self._batches

        def take() -> Job | None:
            with self._lock:
                if not calls and batches.pay and self._line and self._line[0].batchable:
                    calls.append(self._line.popleft())
            return job(calls.popleft()) if calls else None

        def job(call: _Call) -> Job:
            batches.begun += 1
            stop, limit = call.sampling.values["stop"], call.sampling.max_tokens
            assert isinstance(call.prompt, str)
            return Job(call.prompt, limit, stop, call.asked, lambda done: end(call, done))

        def end(call: _Call, done: Completion | None) -> None:
            batches.count(asked_again=done is None)
            # Handed to the line, an answer to be asked alone would wait until every row here has ended.
            try:
                call.turn.set_result(done or self._ask(engine, call))
            except BaseException as error:
                call.turn.set_exception(error)

        try:
            batches.run(take)
        except ServingError:
            batches.pay = False
        finally:
            with self._lock:
                self._line.extendleft(reversed(calls))
            self._give_back(engine)

    def _ask(
        self,
        engine: Engine,
        call: _Call,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        waited = monotonic() - call.asked
        found = engine.complete(call.prompt, call.sampling, json_schema=json_schema, on_text=on_text)
        return replace(found, first_token_s=found.first_token_s + waited, total_s=found.total_s + waited)


class _Batches:
    """The batches of a group: their weights are read with the first, and those that rest are used again."""

    def __init__(self, gguf: Path, context: int) -> None:
        self.pay = True
        self._gguf, self._context = gguf, context
        self._lock = threading.Lock()
        self._model: BatchModel | None = None
        self._resting: list[GreedyBatch] = []
        self.begun = self.again = 0

    def run(self, take: Callable[[], Job | None]) -> None:
        """See `GreedyBatch.run`."""
        with self._lock:
            self._model = self._model or BatchModel(self._gguf)
            batch = self._resting.pop() if self._resting else GreedyBatch(self._model, context=self._context)
        try:
            batch.run(take)
        finally:
            with self._lock:
                self._resting.append(batch)

    def count(self, *, asked_again: bool) -> None:
        """Notes how a request ended; those that are given up end first, so they are held against all that began."""
        self.again += asked_again
        if self.begun >= TRIED and self.again > WASTED * self.begun:
            self.pay = False

    def close(self) -> None:
        """Frees their memory."""
        for batch in self._resting:
            batch.close()
        if self._model:
            self._model.close()
