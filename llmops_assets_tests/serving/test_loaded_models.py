"""Loading, keeping and freeing models, with engines that only say when they are closed."""

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving.api_errors import ServerBusyError
from llmops_assets.serving.durations import FOREVER
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.loaded_models import Key, Limits, LoadedModels
from llmops_assets.serving.model_library import StoredModel
from llmops_assets.serving.model_names import parse_name


class NotedEngine(EngineGroup):
    """An engine without a model that notes its closing."""

    def __init__(self, gguf: Path, log: list[str]) -> None:
        self._gguf, self._log = gguf, log
        log.append(f"load {gguf}")

    def close(self) -> None:
        self._log.append(f"close {self._gguf}")


class Bench:
    """Loaded models with a log; weights named `bad` cannot be loaded."""

    def __init__(self, **limits: Any) -> None:
        self.log: list[str] = []
        self.models = LoadedModels(self._load, Limits(**limits))

    def _load(self, gguf: Path, context: int) -> EngineGroup:
        del context
        if gguf.name == "bad":
            raise ServingError("damaged")
        return NotedEngine(gguf, self.log)

    def slot(
        self, name: str, keep_s: float | None = None, context: int = 8
    ) -> contextlib.AbstractAsyncContextManager[EngineGroup]:
        model = StoredModel(parse_name(name), "", 0, 0, {}, "", "", "", {}, (), ())
        return self.models.slot(model, Key(Path(name), context), keep_s)

    async def use(self, name: str, keep_s: float | None = None, context: int = 8) -> None:
        async with self.slot(name, keep_s, context):
            await asyncio.sleep(0)

    async def settled(self, entries: int) -> list[str]:
        for _ in range(200):
            if len(self.log) >= entries:
                break
            await asyncio.sleep(0.01)
        return self.log


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


def test_a_model_is_loaded_once_for_many_requests() -> None:
    async def test() -> None:
        bench = Bench()
        await asyncio.gather(*(bench.use("a") for _ in range(5)))
        assert bench.log == ["load a"]

    run(test())


def test_another_context_is_another_load() -> None:
    async def test() -> None:
        bench = Bench()
        await bench.use("a", context=8)
        await bench.use("a", context=16)
        assert bench.log == ["load a", "load a"]

    run(test())


def test_the_longest_unused_model_makes_room() -> None:
    async def test() -> None:
        bench = Bench(loaded=2)
        for name in ("a", "b", "a", "c", "a"):
            await bench.use(name)
        assert bench.log == ["load a", "load b", "close b", "load c"]

    run(test())


def test_a_model_in_use_is_freed_for_another_only_when_it_is_done() -> None:
    async def test() -> None:
        bench = Bench(loaded=1)
        async with bench.slot("a"):
            waiting = asyncio.create_task(bench.use("b"))
            late = asyncio.create_task(bench.use("a"))
            await asyncio.sleep(0.05)
            assert bench.log == ["load a"]
        await asyncio.gather(waiting, late)
        assert bench.log[:3] == ["load a", "close a", "load b"]

    run(test())


def test_keep_alive_zero_frees_after_the_last_user() -> None:
    async def test() -> None:
        bench = Bench()
        async with bench.slot("a", 0):
            async with bench.slot("a", 0):
                pass
            await asyncio.sleep(0.05)
            assert bench.log == ["load a"]
        assert await bench.settled(2) == ["load a", "close a"]

    run(test())


def test_a_time_that_is_over_frees_and_a_new_request_begins_it_anew() -> None:
    async def test() -> None:
        bench = Bench(keep_alive_s=0.3)
        await bench.use("a")
        await asyncio.sleep(0.2)
        await bench.use("a")
        await asyncio.sleep(0.2)
        assert bench.log == ["load a"]
        assert await bench.settled(2) == ["load a", "close a"]
        assert bench.models.now == []

    run(test())


def test_forever_means_until_it_is_unloaded() -> None:
    async def test() -> None:
        bench = Bench(keep_alive_s=0.01)
        await bench.use("a", FOREVER)
        await asyncio.sleep(0.1)
        assert [bench.models.seconds_left(place) for place in bench.models.now] == [FOREVER]
        bench.models.unload(Path("a"))
        assert await bench.settled(2) == ["load a", "close a"]

    run(test())


def test_as_many_run_at_once_as_there_are_slots() -> None:
    async def test() -> None:
        bench, running, most = Bench(slots=2), 0, 0

        async def work() -> None:
            nonlocal running, most
            async with bench.slot("a"):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.02)
                running -= 1

        await asyncio.gather(*(work() for _ in range(6)))
        assert most == 2

    run(test())


@pytest.mark.parametrize(("slots", "waiting", "served"), [(1, 0, 1), (1, 2, 3), (2, 1, 3)])
def test_what_would_wait_beyond_the_bound_is_refused(slots: int, waiting: int, served: int) -> None:
    async def test() -> None:
        bench = Bench(slots=slots, waiting=waiting)
        results = await asyncio.gather(*(bench.use("a") for _ in range(6)), return_exceptions=True)
        assert sum(result is None for result in results) == served
        assert sum(isinstance(result, ServerBusyError) for result in results) == 6 - served
        await bench.use("a")

    run(test())


def test_requests_for_many_contexts_wait_like_any_others() -> None:
    async def test() -> None:
        bench = Bench(slots=1, waiting=2, loaded=1)
        results = await asyncio.gather(*(bench.use("a", context=8 * n) for n in range(1, 51)), return_exceptions=True)
        assert [result for result in results if result is None] == [None] * 3
        assert sum(isinstance(result, ServerBusyError) for result in results) == 47
        assert bench.log.count("load a") == 3
        await bench.use("a")

    run(test())


def test_a_load_that_fails_fails_for_all_who_wait_and_is_tried_again() -> None:
    async def test() -> None:
        bench = Bench(loaded=1)
        results = await asyncio.gather(bench.use("bad"), bench.use("bad"), return_exceptions=True)
        assert [str(result) for result in results] == ["damaged", "damaged"]
        with pytest.raises(ServingError, match="damaged"):
            await bench.use("bad")
        await bench.use("a")
        assert bench.log == ["load a"]

    run(test())


def test_who_leaves_while_waiting_gives_the_place_back() -> None:
    async def test() -> None:
        bench = Bench(slots=1, waiting=1)
        async with bench.slot("a"):
            waiting = asyncio.create_task(bench.use("a"))
            await asyncio.sleep(0.02)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            again = asyncio.create_task(bench.use("a"))
            await asyncio.sleep(0.02)
        await again

    run(test())


def test_a_load_that_nobody_waits_for_any_more_is_freed_in_time() -> None:
    async def test() -> None:
        bench = Bench(keep_alive_s=0.05)
        leaving = asyncio.create_task(bench.use("a"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await bench.settled(2) == ["load a", "close a"]

    run(test())


def test_close_frees_everything() -> None:
    async def test() -> None:
        bench = Bench()
        await asyncio.gather(bench.use("a", FOREVER), bench.use("b"))
        await bench.models.close()
        assert sorted(bench.log) == ["close a", "close b", "load a", "load b"]

    run(test())
