"""Engines of one file behave as one engine."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving import engine_group
from llmops_assets.serving.engine import Engine
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.options import Sampling

PROMPTS = [f"word {number} and {number * 7}" for number in range(12)]
GREEDY = Sampling.greedy(max_tokens=8, stop=())


@pytest.mark.parametrize(
    ("cores", "slots", "small", "engines", "threads", "share"),
    [
        (2, 8, True, 2, 1, 4),
        (2, 8, False, 1, 2, 8),
        (4, 2, True, 2, 2, 1),
        (3, 8, True, 3, 1, 3),
        (1, 4, True, 1, 1, 4),
    ],
)
def test_a_small_model_gets_an_engine_a_core_and_a_large_one_all_threads(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cores: int,
    slots: int,
    small: bool,
    engines: int,
    threads: int,
    share: int,
) -> None:
    made = []
    monkeypatch.setattr(engine_group, "usable_cores", lambda: cores)
    monkeypatch.setattr(engine_group, "SMALL", 10)
    monkeypatch.setattr(engine_group, "Engine", lambda gguf, **given: made.append(given))
    path = tmp_path / "model.gguf"
    path.write_bytes(b"x" * (5 if small else 50))
    EngineGroup(path, context=64, slots=slots)
    assert made == [{"context": 64, "slots": share, "threads": threads}] * engines


def test_all_engines_work_and_answer_as_one_does(monkeypatch: pytest.MonkeyPatch, tiny_gguf: Path) -> None:
    monkeypatch.setattr(engine_group, "usable_cores", lambda: 2)
    one = Engine(tiny_gguf, context=128, slots=1, threads=1)
    wanted = [one.complete(prompt, GREEDY).text for prompt in PROMPTS]
    one.close()
    group = EngineGroup(tiny_gguf, context=128, slots=4)
    used = set()

    def answer(prompt: str) -> str:
        def note(_: str) -> bool:
            used.update(place for place, busy in enumerate(group._busy) if busy)
            return False

        return group.complete(prompt, GREEDY, on_text=note).text

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answer, PROMPTS)) == wanted
    assert used == {0, 1}
    assert group._busy == [0, 0]
    assert group.tokenize("word") == group.tokenize("word") != []
    group.close()


def test_an_engine_is_free_again_after_an_error(tiny_gguf: Path) -> None:
    group = EngineGroup(tiny_gguf, context=16, slots=1)
    with pytest.raises(ServingError):
        group.complete("word " * 400, GREEDY)
    assert group._busy == [0]
    assert group.complete("word", GREEDY).output_tokens > 0
    group.close()
