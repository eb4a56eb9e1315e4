"""What a DPO's numbers mean, by value."""

import math
from typing import Any

import pytest

from llmops_assets.recipes.training import TrainingTolerances
from llmops_assets.training.dpo_run import Standing
from llmops_assets.training.dpo_verdict import compare, failures, unchanged
from llmops_assets.training.pairs import TokenPair
from llmops_assets.training.preference_loss import PairLogps

PAIRS = [TokenPair("a", "date", [1], [2, 3], [4]), TokenPair("b", "id", [1], [2, 3], [4])]
BEFORE = Standing(PairLogps((-4.0, -8.0), (-6.0, -2.0)), 1.0)
AFTER = Standing(PairLogps((-3.0, -9.0), (-8.0, -12.0)), 1.2)
GOOD = {
    "dpo_start_loss": math.log(2),
    "dpo_margin": 0.5,
    "chosen_logprob_change": -0.1,
    "validation_loss_rise": 0.05,
    "merge_max_logit_gap": 1e-5,
    "natural_stop": True,
    "stopped_share": 1.0,
}


def test_margins_are_rewards_and_log_probabilities_are_nats_a_token() -> None:
    found = compare(BEFORE, AFTER, PAIRS, beta=0.1)
    assert found["dpo_margin"] == pytest.approx(0.1 * ((1 + 2) + (-1 + 10)) / 2)
    assert found["dpo_accuracy_before"] == 0.5
    assert found["dpo_accuracy"] == 1.0
    assert found["dpo_accuracy_by_category"] == {"date": "1/1", "id": "1/1"}
    assert found["chosen_logprob_before"] == -3.0
    assert found["chosen_logprob_change"] == 0.0
    assert found["validation_loss_rise"] == pytest.approx(0.2)


def test_a_model_that_is_its_own_reference_has_no_margin_and_loss_ln_2() -> None:
    found = unchanged(BEFORE, PAIRS, beta=0.1)
    assert found["dpo_start_loss"] == math.log(2)
    assert found["dpo_margin"] == found["chosen_logprob_change"] == found["validation_loss_rise"] == 0.0


def test_a_good_dpo_has_no_failure() -> None:
    assert failures(GOOD, TrainingTolerances()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dpo_start_loss": 0.7}, "not ln 2"),
        ({"dpo_margin": 0.0}, "reward margin"),
        ({"chosen_logprob_change": -0.3}, "lost 0.300 nats a token"),
        ({"validation_loss_rise": 0.2}, "rose by 0.200"),
        ({"merge_max_logit_gap": 0.1}, "from its adapter"),
        ({"natural_stop": False, "stopped_share": 0.5}, "50% of the probes"),
    ],
)
def test_each_broken_tolerance_is_a_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = failures({**GOOD, **change}, TrainingTolerances())
    assert reason in found
