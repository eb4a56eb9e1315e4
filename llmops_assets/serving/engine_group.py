"""A model on all cores: small ones as an engine a core with one prompt each, large ones as one engine with all threads.

What is computed together changes how sums are rounded, so an answer shall not depend on the others of a batch. Where few requests
wait, a core of a small model answers them one by one. Where many do, it takes up to 48 greedy ones together and computes once more
by itself what could have become another answer by that (`engine`). And threads of one model wait for each other some hundred times a
token. `benchmarks/engines.py` measures all three.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.machine import usable_cores
from llmops_assets.serving.engine import SURE, Completion, Engine, Job
from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling

SMALL = 2**30
"""Bytes of a file up to which one thread reads its weights fast enough."""
MANY = 8
"""Greedy requests a free core that are worth a batch: with fewer a token costs as much as alone."""
ROWS, GROUP = 48, 8
"""Requests of a batch, and of how many the prompts are read together."""
TOKENS = 512
"""Prompt and answer of a batched request: longer ones are asked alone, or their contexts would take too much memory."""
TRIED, WASTED = 64, 1 / 2
"""After so many batched requests a core batches no more if a larger share of their work than this was done once more, alone."""


def answers_apart(gguf: Path) -> bool:
    """Whether a file is small enough that its answers do not depend on what else is asked, however many slots it is served with."""
    return gguf.stat().st_size <= SMALL


def how_batched() -> str:
    """In words, for whoever must know by which rule an answer came about."""
    return f"greedy ones {ROWS} at a time where each token leads by {SURE}"


def complete_all(group: "EngineGroup", prompts: Sequence[str], sampling: Sampling) -> list[str]:
    """The texts in the order of the prompts, as many under way at once as the group has slots."""
    with ThreadPoolExecutor(group.slots) as pool:
        return [done.text for done in pool.map(lambda prompt: group.complete(prompt, sampling), prompts)]


@dataclass(eq=False)
class _Call:
    """A request in the line, and its answer to come."""

    prompt: str | Sequence[int]
    sampling: Sampling
    json_schema: dict[str, Any] | None
    on_text: Callable[[str], bool] | None
    batchable: bool
    asked: float = field(default_factory=monotonic)
    answer: "Future[Completion]" = field(default_factory=Future)

    told: bool = False

    def end(self, result: Completion | Exception) -> None:
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)

    def tell(self, text: str) -> bool:
        self.told = True
        return bool(self.on_text and self.on_text(text))

    def job(self, end: Callable[[Completion | Exception], None] | None = None) -> Job:
        return Job(
            prompt=self.prompt,
            sampling=self.sampling,
            asked=self.asked,
            end=end or self.end,
            json_schema=self.json_schema,
            on_text=self.tell if self.on_text else None,
        )


class EngineGroup:
    """One or several engines of the same file; calls are answered in the order in which they come. Close it to free the memory."""

    def __init__(self, gguf: Path, *, context: int, slots: int) -> None:
        """Loads the model.

        Args:
            gguf: the file.
            context: tokens of prompt and answer together, for each request.
            slots: calls that are under way at once; those of a small model wait for a core among them.

        Raises:
            ServingError: llama.cpp cannot load the file, or there is no memory for it.
        """
        self.context, self.slots = context, slots
        cores = usable_cores()
        apart = answers_apart(gguf)
        count, rows, threads = (min(cores, slots), 1, 1) if apart else (1, slots, cores)
        self._model = LlamaModel(gguf)
        self._engines: list[Engine] = []
        self._crowds: list[Engine] = []
        try:
            for _ in range(count):
                self._engines.append(Engine(self._model, context=context, rows=rows, threads=threads))
        except ServingError:
            self._free()
            raise
        self._line: deque[_Call] = deque()
        self._changed = Condition()
        self._idle, self._open = 0, True
        self._together = apart and slots >= MANY
        self._threads = [Thread(target=self._serve, args=(engine,), daemon=True) for engine in self._engines]
        for thread in self._threads:
            thread.start()

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        *,
        json_schema: dict[str, Any] | None = None,
        on_text: Callable[[str], bool] | None = None,
    ) -> Completion:
        """Continues a prompt. May be called from many threads.

        Args:
            prompt: the text as the model sees it, template and all, or its tokens.
            sampling: how to choose tokens, and when to stop.
            json_schema: what the text must be, written without blanks between tokens; the model cannot leave it.
            on_text: called with each new piece; True cancels the rest.

        Raises:
            PromptTooLongError: the prompt does not fit the context.
            SchemaError: the schema cannot be enforced.
            ServingError: llama.cpp refused for another reason.
        """
        batchable = json_schema is None and sampling.greedily and sampling.max_tokens > 0
        call = _Call(prompt, sampling, json_schema, on_text, batchable)
        with self._changed:
            if not self._open:
                raise ServingError("expected a model in memory, got one that was freed")
            self._line.append(call)
            self._changed.notify()
        return call.answer.result()

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a text, special ones read as such."""
        return self._model.tokens(text)

    def close(self) -> None:
        """Frees the model's memory, after the calls that are in the line."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._free()

    def _free(self) -> None:
        for engine in (*self._engines, *self._crowds):
            engine.close()
        self._model.close()

    def _serve(self, engine: Engine) -> None:
        """Takes calls from the line for as long as the group is open."""
        crowd: Engine | None = None
        pays = self._together
        while (many := self._wait()) is not None:
            if engine.rows > 1:
                engine.run(lambda: call.job() if (call := self._take()) else None)
            elif pays and many:
                try:
                    crowd = crowd or self._new_crowd()
                    pays = self._answer_together(crowd, engine)
                except ServingError:
                    pays = False
            elif call := self._take():
                engine.answer(call.job())

    def _new_crowd(self) -> Engine:
        crowd = Engine(self._model, context=min(self.context, TOKENS), rows=ROWS, group=GROUP, exact=True)
        self._crowds.append(crowd)
        return crowd

    def _wait(self) -> bool | None:
        """Whether the calls in front of the line are worth a batch; None where no call will come any more."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._line or not self._open)
            front = sum(1 for _ in takewhile(lambda call: call.batchable, self._line))
            many = front >= MANY * self._idle
            self._idle -= 1
            return many if self._line else None

    def _take(self, *, batchable: bool = False) -> _Call | None:
        with self._changed:
            return self._line.popleft() if self._line and (self._line[0].batchable or not batchable) else None

    def _answer_together(self, crowd: Engine, engine: Engine) -> bool:
        """Answers calls in a batch, and takes more while those in front of the line can be batched; says whether it paid."""

        def pays() -> bool:
            return crowd.ended < TRIED or crowd.again <= WASTED * crowd.alone

        def take() -> Job | None:
            call = self._take(batchable=True) if pays() else None
            return call.job(lambda result: end(call, result)) if call else None

        def end(call: _Call, result: Completion | Exception) -> None:
            if isinstance(result, Exception) and not call.told:
                # It may be too long for a row. Handed to the line, it would wait until every row here has ended.
                engine.answer(call.job())
            else:
                call.end(result)

        return crowd.run(take) and pays()
