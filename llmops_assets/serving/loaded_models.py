"""Which models are in memory: loaded by the first request, kept for a while after the last, at most so many at once.

A model is known by its weights' path and its context, so a name that is pointed elsewhere takes effect with the next request
while running ones finish. Everything here runs in one event loop; only loading and freeing happen in threads.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from llmops_assets.serving.api_errors import ServerBusyError
from llmops_assets.serving.durations import FOREVER
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.model_library import StoredModel

Load = Callable[[Path, int], EngineGroup]


@dataclass(frozen=True)
class Limits:
    """How many slots a model has, how many models may be in memory, how many requests may wait, and for how long a model stays."""

    slots: int = 2
    loaded: int = 3
    waiting: int = 512
    keep_alive_s: float = 300.0


class Key(NamedTuple):
    """What makes two loaded models the same."""

    gguf: Path
    context: int


@dataclass(eq=False)
class Place:
    """A loaded model, or one that is being loaded."""

    key: Key
    model: StoredModel
    free: asyncio.Semaphore
    loading: "asyncio.Task[EngineGroup]"
    users: int = 0
    keep_s: float = FOREVER
    ends: float = FOREVER
    timer: asyncio.TimerHandle | None = None
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    freeing: "asyncio.Task[None] | None" = None

    @property
    def loaded(self) -> bool:
        """Whether it is in memory."""
        return self.loading.done() and not self.loading.cancelled() and self.loading.exception() is None


class LoadedModels:
    """The models in memory."""

    def __init__(self, load: Load, limits: Limits) -> None:
        """Starts with none."""
        self.limits = limits
        self._load = load
        self._places: dict[Key, Place] = {}
        self._resident: set[Place] = set()
        self._turn = asyncio.Lock()

    @property
    def now(self) -> list[Place]:
        """What is in memory, what stays longest first."""
        return sorted((place for place in self._places.values() if place.loaded), key=lambda place: -place.ends)

    def seconds_left(self, place: Place) -> float:
        """How long a place stays if no request comes."""
        return place.keep_s if place.users or place.ends == FOREVER else place.ends - asyncio.get_running_loop().time()

    @contextlib.asynccontextmanager
    async def slot(self, model: StoredModel, key: Key, keep_s: float | None) -> AsyncIterator[EngineGroup]:
        """A model's engine with a slot of it that is free, for the time of the block.

        Args:
            model: what is asked for.
            key: its weights and context.
            keep_s: how long it stays after the block; the limits' time where None.

        Raises:
            ServerBusyError: too many requests wait.
            ServingError: the model cannot be loaded.
        """
        async with self.loaded(model, key, keep_s, queue=True) as place, place.free:
            yield place.loading.result()

    @contextlib.asynccontextmanager
    async def loaded(
        self, model: StoredModel, key: Key, keep_s: float | None, *, queue: bool = False
    ) -> AsyncIterator[Place]:
        """A model in memory for the time of the block, without a slot of it; see `slot`."""
        place = self._places.get(key)
        if self._waits(place, queue) and self._waiting >= self.limits.waiting:
            raise ServerBusyError
        place = place or self._begin(model, key)
        self._enter(place, model, keep_s)
        try:
            await asyncio.shield(place.loading)
            yield place
        finally:
            self._leave(place)

    def unload(self, gguf: Path) -> None:
        """Frees a model as soon as nobody uses it."""
        for place in [place for key, place in self._places.items() if key.gguf == gguf]:
            place.keep_s = 0.0
            if not place.users:
                self._end(place)

    async def close(self) -> None:
        """Frees everything that nobody uses."""
        for place in [place for place in self._resident if place.loaded and not place.users]:
            self._places.pop(place.key, None)
            await self._free(place)

    @property
    def _coming(self) -> Place | None:
        """The place that is being loaded; the others that are not in memory wait for it."""
        return next((place for place in self._places.values() if not place.loaded), None)

    def _waits(self, place: Place | None, queue: bool) -> bool:
        """Whether another request for this place, or for one that is yet to be made, would have to wait."""
        if place and (place.loaded or place is self._coming):
            return queue and place.users >= self.limits.slots
        return self._coming is not None

    @property
    def _waiting(self) -> int:
        coming, places = self._coming, {*self._places.values(), *self._resident}
        return sum(
            max(0, place.users - (self.limits.slots if place.loaded or place is coming else 0)) for place in places
        )

    def _begin(self, model: StoredModel, key: Key) -> Place:
        holder: list[Place] = []
        loading = asyncio.get_running_loop().create_task(self._bring_in(holder, key))
        place = Place(key, model, asyncio.Semaphore(self.limits.slots), loading)
        holder.append(place)
        self._places[key] = place
        loading.add_done_callback(lambda _: self._brought_in(place))
        return place

    async def _bring_in(self, holder: list[Place], key: Key) -> EngineGroup:
        async with self._turn:
            while len(self._resident) >= self.limits.loaded:
                await self._make_room()
            self._resident.add(holder[0])
            try:
                return await asyncio.to_thread(self._load, key.gguf, key.context)
            except BaseException:
                self._resident.discard(holder[0])
                raise

    async def _make_room(self) -> None:
        """Frees the model that would go first; what uses it finishes, what comes for it later loads it anew."""
        victim = min(self._resident, key=lambda place: (place.freeing is None, place.users > 0, place.ends))
        if self._places.get(victim.key) is victim:
            del self._places[victim.key]
        while victim.users:
            victim.empty.clear()
            await victim.empty.wait()
        await self._free(victim)

    def _brought_in(self, place: Place) -> None:
        if place.loaded and not place.users:
            self._rest(place)
        elif not place.loaded and self._places.get(place.key) is place:
            del self._places[place.key]

    def _enter(self, place: Place, model: StoredModel, keep_s: float | None) -> None:
        place.users += 1
        place.model = model
        place.keep_s = self.limits.keep_alive_s if keep_s is None else keep_s
        if place.timer:
            place.timer.cancel()

    def _leave(self, place: Place) -> None:
        place.users -= 1
        if place.users:
            return
        place.empty.set()
        if place.loaded and self._places.get(place.key) is place:
            self._rest(place)

    def _rest(self, place: Place) -> None:
        """Lets the time run that a model stays without users."""
        if place.keep_s <= 0:
            self._end(place)
        elif place.keep_s == FOREVER:
            place.ends = FOREVER
        else:
            loop = asyncio.get_running_loop()
            place.ends = loop.time() + place.keep_s
            place.timer = loop.call_at(place.ends, self._end, place)

    def _end(self, place: Place) -> None:
        if self._places.get(place.key) is place and place.loaded:
            del self._places[place.key]
            self._free(place)

    def _free(self, place: Place) -> "asyncio.Task[None]":
        if place.freeing is None:
            place.freeing = asyncio.get_running_loop().create_task(self._let_go(place))
        return place.freeing

    async def _let_go(self, place: Place) -> None:
        await asyncio.to_thread(place.loading.result().close)
        self._resident.discard(place)
