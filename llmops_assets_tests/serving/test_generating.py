"""One answer under way, with an engine that every prompt is too long for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.serving.engine import Completion, PromptTooLongError
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.generating import Answer, Job
from llmops_assets.serving.loaded_models import Key, Limits, LoadedModels
from llmops_assets.serving.model_library import StoredModel
from llmops_assets.serving.model_names import parse_name
from llmops_assets.serving.options import sampling


class NothingFits(EngineGroup):
    """Refuses every prompt, and notes it."""

    def __init__(self, on_prompt: Callable[[], None]) -> None:
        self.on_prompt = on_prompt
        self.asked: list[str] = []

    def complete(self, prompt: Any, *_: Any, **__: Any) -> Completion:
        self.asked.append(prompt)
        self.on_prompt()
        raise PromptTooLongError("too long")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("leaves", "asked"), [(False, ["abc", "bc", "c"]), (True, ["abc"])])
def test_shorter_prompts_are_tried_only_while_somebody_waits(leaves: bool, asked: list[str]) -> None:
    async def test() -> list[str]:
        engine = NothingFits(lambda: answer.leave() if leaves else None)
        models = LoadedModels(lambda *_: engine, Limits())
        model = StoredModel(parse_name("a"), "", 0, 0, {}, "", "", "", {}, (), ())
        job = Job(model, Key(Path("a"), 8), lambda: iter(["abc", "bc", "c"]), sampling({}, {}))
        with ThreadPoolExecutor(1) as threads:
            answer = Answer(models, threads, job)
            with pytest.raises(PromptTooLongError):
                await answer.next()
        return engine.asked

    assert asyncio.run(test()) == asked
