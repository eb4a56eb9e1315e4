"""Engines of one file behave as one engine, and no answer depends on what else is asked."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving import engine_group
from llmops_assets.serving.engine import Completion, Engine
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling

PROMPTS = ["word 1 and 7", "word 2 and 14"]
GREEDY = Sampling.greedy(max_tokens=8, stop=())


@pytest.mark.parametrize(
    ("cores", "slots", "small", "engines", "threads", "share"),
    [
        (2, 8, True, 2, 1, 1),
        (2, 8, False, 1, 2, 8),
        (4, 2, True, 2, 1, 1),
        (1, 4, True, 1, 1, 1),
    ],
)
def test_a_small_model_gets_an_engine_a_core_for_one_prompt_each_and_a_large_one_all_threads(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cores: int,
    slots: int,
    small: bool,
    engines: int,
    threads: int,
    share: int,
) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(engine_group, "usable_cores", lambda: cores)
    monkeypatch.setattr(engine_group, "SMALL", 10)
    monkeypatch.setattr(engine_group, "LlamaModel", lambda gguf: gguf)
    monkeypatch.setattr(engine_group, "Engine", lambda model, **given: made.append(given))
    monkeypatch.setattr(EngineGroup, "_serve", lambda group, engine: None)
    path = tmp_path / "model.gguf"
    path.write_bytes(b"x" * (5 if small else 50))
    EngineGroup(path, context=64, slots=slots)
    assert made == [{"context": 64, "rows": share, "threads": threads}] * engines


def answers(complete: Callable[..., Completion], prompts: list[str], workers: int) -> dict[str, str]:
    """Of 64 tokens, for a difference in the last digits seldom shows in a word; on the same tests with a batch 4 of 60 did."""
    greedy = Sampling.greedy(max_tokens=64)
    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(prompts, pool.map(lambda prompt: complete(prompt, greedy).text, prompts), strict=True))


def test_an_answer_does_not_depend_on_what_else_is_asked(monkeypatch: pytest.MonkeyPatch, talkative_gguf: Path) -> None:
    monkeypatch.setattr(engine_group, "usable_cores", lambda: 2)
    prompts = [f"remind me to water plant {number} {'very ' * (number % 9)}soon" for number in range(60)]
    one = EngineGroup(talkative_gguf, context=256, slots=1)
    alone = answers(one.complete, prompts, 1)
    one.close()
    eight = EngineGroup(talkative_gguf, context=256, slots=8)
    assert answers(eight.complete, prompts[::-1], 8) == alone
    eight.close()
    assert len(set(alone.values())) > 50


def test_an_answer_does_not_depend_on_what_was_asked_before(talkative_gguf: Path) -> None:
    rules = " ".join(f"rule {number} says {number * number}" for number in range(40))
    alike = [f"{rules} remind me to water plant {number} {'very ' * (number % 9)}soon" for number in range(30)]
    engine = EngineGroup(talkative_gguf, context=512, slots=1)
    between = [each for prompt in alike for each in ("something else", prompt)]
    after_others = answers(engine.complete, between, 1)
    assert answers(engine.complete, alike, 1).items() <= after_others.items()
    engine.close()


def test_the_wait_for_a_free_engine_counts(tiny_gguf: Path) -> None:
    group = EngineGroup(tiny_gguf, context=128, slots=1)
    busy, calling = Event(), Event()

    def hold(_: str) -> bool:
        busy.set()
        calling.wait(60)
        time.sleep(0.5)
        return True

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(group.complete, PROMPTS[0], GREEDY, on_text=hold)
        busy.wait(60)
        calling.set()
        second = group.complete(PROMPTS[1], GREEDY)
        assert first.result().stop_reason == "cancelled"
    assert second.total_s >= second.first_token_s > 0.3
    group.close()


def test_all_engines_work(monkeypatch: pytest.MonkeyPatch, tiny_gguf: Path) -> None:
    monkeypatch.setattr(engine_group, "usable_cores", lambda: 2)
    group = EngineGroup(tiny_gguf, context=128, slots=4)
    both = Barrier(2, timeout=20)
    met: list[int] = []

    def meet(_: str) -> bool:
        met.append(both.wait())
        return True

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda prompt: group.complete(prompt, GREEDY, on_text=meet), PROMPTS))
    assert sorted(met) == [0, 1]
    assert group.tokenize("word") == group.tokenize("word") != []
    group.close()


def test_an_engine_is_free_again_after_an_error(tiny_gguf: Path) -> None:
    group = EngineGroup(tiny_gguf, context=16, slots=1)
    with pytest.raises(ServingError):
        group.complete("word " * 400, GREEDY)
    assert group.complete("word", GREEDY).output_tokens > 0
    group.close()


def test_memory_for_one_engine_of_two_is_given_back(monkeypatch: pytest.MonkeyPatch, tiny_gguf: Path) -> None:
    made: list[Engine] = []
    freed: list[object] = []

    def second_fails(*given: Any, **options: Any) -> Engine:
        if made:
            raise ServingError("expected memory for the context of a model, got none")
        made.append(Engine(*given, **options))
        return made[0]

    close, free = Engine.close, LlamaModel.close
    monkeypatch.setattr(Engine, "close", lambda self: (freed.append(self), close(self))[1])
    monkeypatch.setattr(LlamaModel, "close", lambda self: (freed.append(type(self)), free(self))[1])
    monkeypatch.setattr(engine_group, "usable_cores", lambda: 2)
    monkeypatch.setattr(engine_group, "Engine", second_fails)
    with pytest.raises(ServingError, match="memory for the context"):
        EngineGroup(tiny_gguf, context=64, slots=2)
    assert freed == [made[0], LlamaModel]
