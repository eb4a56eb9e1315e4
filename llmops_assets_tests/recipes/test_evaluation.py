"""The judge section of a recipe."""

from typing import Any

import pytest
from pydantic import ValidationError

from llmops_assets.recipes.evaluation import EvaluationConfig, JudgeConfig

JUDGE = {"provider": "openai-compatible", "base_url": "https://judge.example/v1", "model": "m"}


def test_no_judge_is_the_default_and_one_adds_no_gate() -> None:
    assert EvaluationConfig().judge is None
    with_judge = EvaluationConfig.model_validate({"judge": JUDGE})
    assert with_judge.judge == JudgeConfig.model_validate(JUDGE)
    assert with_judge.gates() == EvaluationConfig().gates()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"provider": "magic"}, "provider"),
        ({"base_url": "judge.example"}, "base_url"),
        ({"base_url": "https://me:secret@judge.example"}, "base_url"),
        ({"api_key_env": "sk-123"}, "api_key_env"),
        ({"api_key": "sk-123"}, "api_key"),
        ({"model": ""}, "model"),
        ({"cases": 0}, "cases"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"against": "chance"}, "against"),
    ],
)
def test_a_wrong_section_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        JudgeConfig.model_validate({**JUDGE, **changes})
