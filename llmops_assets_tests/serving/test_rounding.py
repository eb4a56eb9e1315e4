"""What a batch rounds as a row alone would is kept; that it does so is seen first."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.export.quantization import Origin, quantise
from llmops_assets.serving import engine
from llmops_assets.serving.engine import Completion, Engine, Job
from llmops_assets.serving.engine_group import GROUP, ROWS
from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling
from llmops_assets.serving.rounding import LARGE, PROOFS, TILE, Claim, Rounding
from llmops_assets_tests.tiny_model import write_decided_gguf

GREEDY = Sampling.greedy(max_tokens=24)
PROMPTS = [f"remind me to water plant {number} {'very ' * (number % 9)}soon" for number in range(70)]
# Some that are shorter and some that are longer than those of which anything is claimed.
PROMPTS += [f"plant {number}" for number in range(20)] + [f"{'very ' * 70}late {number}" for number in range(20)]


@pytest.mark.parametrize(
    ("examples", "believed", "in_doubt"),
    [
        ([], False, True),
        ([True] * (PROOFS - 1), False, True),
        ([True] * PROOFS, True, False),
        ([False], False, False),
        ([True] * PROOFS + [False], False, False),
        ([False] + [True] * PROOFS, False, False),
    ],
)
def test_a_claim_needs_examples_and_none_against_it(examples: list[bool], believed: bool, in_doubt: bool) -> None:
    claim = Claim()
    for holds in examples:
        claim.weigh(holds)
    assert (claim.believed, claim.in_doubt, claim.refuted) == (believed, in_doubt, False in examples)


@pytest.fixture(scope="module", params=["F16", "Q8_0"])
def gguf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decided")
    f16 = write_decided_gguf(folder)
    return f16 if request.param == "F16" else quantise(Origin.open(f16), folder / "q.gguf", request.param, print).path


@pytest.fixture
def model(gguf: Path) -> Iterator[LlamaModel]:
    found = LlamaModel(gguf)
    yield found
    found.close()


def answers(model: LlamaModel, **crowd: Any) -> tuple[list[str], float]:
    """What each prompt got, and how much was computed once more."""
    found: dict[str, Completion] = {}
    jobs = iter(
        [
            Job(prompt=prompt, sampling=GREEDY, asked=0.0, end=lambda done, prompt=prompt: found.update({prompt: done}))  # type: ignore[misc]
            for prompt in PROMPTS
        ]
    )
    one = Engine(model, context=256, **crowd)
    assert one.run(lambda: next(jobs, None))
    one.close()
    return [found[prompt].text for prompt in PROMPTS], one.again


def test_the_prompts_are_of_all_lengths(model: LlamaModel) -> None:
    sizes = {len(model.tokens(prompt)) for prompt in PROMPTS}
    assert min(sizes) < LARGE < TILE < max(sizes)
    assert len(sizes) > 10


def test_a_crowd_that_keeps_what_it_can_says_what_each_says_alone(
    monkeypatch: pytest.MonkeyPatch, model: LlamaModel
) -> None:
    monkeypatch.setattr(engine, "SURE", 20.0)
    crowd: dict[str, Any] = {"rows": ROWS, "group": GROUP, "exact": True}
    alone, _ = answers(model)
    assert len(set(alone)) > len(PROMPTS) / 2
    first, _ = answers(model, **crowd)
    assert first == alone
    assert not model.rounding.prompts.in_doubt
    assert not model.rounding.few.in_doubt
    second, again = answers(model, **crowd)
    assert second == alone

    believed = model.rounding.prompts.believed
    states = count()
    monkeypatch.setattr(Engine, "_state", lambda *_: str(next(states)).encode())
    model.rounding = Rounding()
    third, otherwise = answers(model, **crowd)
    assert third == alone, "of a processor that rounds otherwise"
    assert model.rounding.prompts.refuted
    assert model.rounding.few.refuted
    assert otherwise > again * (1.03 if believed else 0.9)
