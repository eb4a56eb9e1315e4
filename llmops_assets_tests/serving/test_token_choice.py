"""Tokens are chosen by llama.cpp's samplers, among those that a JSON schema allows."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling, sampling
from llmops_assets.serving.token_choice import SchemaError, TokenChoice

GREEDY = Sampling.greedy()


@pytest.fixture(scope="module")
def model(tiny_gguf: Path) -> Iterator[LlamaModel]:
    found = LlamaModel(tiny_gguf)
    yield found
    found.close()


def logits(model: LlamaModel, **by_text: float) -> Any:
    """Of each text's only token the logit, of all others -20."""
    found = np.full(model.words, -20.0, np.float32)
    for text, value in by_text.items():
        (token,) = model.tokens(text)
        found[token] = value
    return found


def drawn(model: LlamaModel, options: dict[str, Any], given: Any, prompt: str = "", count: int = 200) -> Counter[str]:
    choice = TokenChoice(model, sampling(options), model.tokens(prompt), 64, None)
    found = Counter(model.piece(choice(given)).decode() for _ in range(count))
    choice.close()
    return found


def test_a_seed_draws_the_same_again_and_another_one_otherwise(model: LlamaModel) -> None:
    even = logits(model, a=1.0, b=1.0, c=1.0)

    def draws(seed: int) -> list[int]:
        choice = TokenChoice(model, sampling({"temperature": 1.0, "seed": seed}), [], 64, None)
        found = [choice(even) for _ in range(30)]
        choice.close()
        return found

    assert draws(7) == draws(7)
    assert draws(7) != draws(8)
    assert draws(-1) != draws(-1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"temperature": 1.0}, {"a", "b", "c"}),
        ({"temperature": 0.01}, {"a"}),
        ({"temperature": 1.0, "top_k": 2}, {"a", "b"}),
        ({"temperature": 1.0, "top_p": 0.3}, {"a"}),
        ({"temperature": 1.0, "min_p": 0.9}, {"a"}),
        ({"temperature": 0.0, "repeat_penalty": 1.0, "presence_penalty": 3.0, "repeat_last_n": 1}, {"a", "b"}),
    ],
)
def test_options_say_what_can_be_drawn(model: LlamaModel, options: dict[str, Any], expected: set[str]) -> None:
    given = {"top_p": 1.0, "seed": 3, **options}
    assert drawn(model, given, logits(model, a=2.0, b=1.5, c=1.0)).keys() == expected


def test_what_the_prompt_said_is_penalised_too(model: LlamaModel) -> None:
    given = {"temperature": 0.0, "frequency_penalty": 1.0}
    assert drawn(model, given, logits(model, a=2.0, b=1.5), count=1) == {"a": 1}
    assert drawn(model, given, logits(model, a=2.0, b=1.5), "a", count=1) == {"b": 1}
    assert drawn(model, {**given, "repeat_last_n": 0}, logits(model, a=2.0, b=1.5), "a", count=1) == {"a": 1}


def test_a_schema_leaves_nothing_else_to_say(model: LlamaModel) -> None:
    schema = {"properties": {"a": {"enum": [7, 8]}}, "required": ["a"], "additionalProperties": False}
    choice = TokenChoice(model, GREEDY, [], 64, {"type": "object", **schema})
    even, said = np.zeros(model.words, np.float32), b""
    for _ in range(60):
        token = choice(even)
        if model.ends(token):
            break
        said += model.piece(token)
    choice.close()
    assert json.loads(said)["a"] in (7, 8)
    assert b" " not in said


@pytest.mark.parametrize("schema", [{"type": "string", "pattern": "(?=a)b"}, {"type": "nothing"}, {"enum": []}])
def test_a_schema_that_cannot_be_enforced_is_refused(model: LlamaModel, schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="cannot be enforced"):
        TokenChoice(model, GREEDY, [], 64, schema)
