"""One answer of a model as a stream of events; it goes on in a task of its own, so that whoever reads may leave at any time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

from llmops_assets.serving.engine import Completion, PromptTooLongError
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.loaded_models import Key, LoadedModels
from llmops_assets.serving.model_library import StoredModel
from llmops_assets.serving.options import Sampling


@dataclass(frozen=True)
class Job:
    """What is asked of a model.

    `prompts` gives the prompt, then shorter ones that are tried in turn while the one before does not fit.
    """

    model: StoredModel
    key: Key
    prompts: Callable[[], Iterator[str]]
    sampling: Sampling
    json_schema: dict[str, Any] | None = None
    keep_s: float | None = None


@dataclass(frozen=True)
class End:
    """How an answer ended; `load_s` is the time until the model was in memory and had a slot free."""

    completion: Completion
    load_s: float


Event = str | End


class Answer:
    """An answer under way: pieces of text, then an `End`, or an error."""

    def __init__(self, models: LoadedModels, threads: ThreadPoolExecutor, job: Job) -> None:
        """Begins it."""
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        self._left = threading.Event()
        self._working = False
        self._models, self._threads, self._job = models, threads, job
        self._task = self._loop.create_task(self._run())

    async def next(self) -> Event:
        """The next event.

        Raises:
            ServingError: the answer failed.
        """
        event = await self._events.get()
        if isinstance(event, BaseException):
            raise event
        return event

    async def events(self, first: Event) -> AsyncIterator[Event]:
        """Every event, beginning with one that was read already."""
        event = first
        while not isinstance(event, End):
            yield event
            event = await self.next()
        yield event

    def leave(self) -> None:
        """Says that nobody reads any more; the model stops with the next token."""
        self._left.set()
        if not self._working:
            self._task.cancel()

    async def _run(self) -> None:
        started, job = monotonic(), self._job
        try:
            async with self._models.slot(job.model, job.key, job.keep_s) as engine:
                load_s, self._working = monotonic() - started, True
                completion = await self._loop.run_in_executor(self._threads, self._complete, engine)
            self._events.put_nowait(End(completion, load_s))
        except Exception as error:
            self._events.put_nowait(error)

    def _complete(self, engine: EngineGroup) -> Completion:
        prompts = self._job.prompts()
        too_long: PromptTooLongError | None = None
        for prompt in prompts:
            try:
                return engine.complete(
                    prompt, self._job.sampling, json_schema=self._job.json_schema, on_text=self._receive
                )
            except PromptTooLongError as error:
                too_long = error
                if self._left.is_set():
                    break
        raise too_long or ValueError("expected a prompt, got none")

    def _receive(self, text: str) -> bool:
        if not self._left.is_set():
            self._loop.call_soon_threadsafe(self._events.put_nowait, text)
        return self._left.is_set()
