"""What `judge` says."""

import pytest

from llmops_assets.gates import Gate, Metric, judge

ACCURACY = Gate("accuracy", minimum=0.85, minimum_cases=100)


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        (Metric(0.85, 100), "passed"),
        (Metric(0.8499, 100), "failed"),
        (Metric(0.99, 99), "undecided"),
        (Metric(None, 0, note="no case"), "undecided"),
        (None, "failed"),
    ],
)
def test_an_outcome_has_three_values_and_a_missing_metric_fails(metric: Metric | None, outcome: str) -> None:
    verdict = judge({"accuracy": metric} if metric else {}, [ACCURACY])
    assert verdict.results[0].outcome == outcome
    assert verdict.passed is (outcome == "passed")


def test_a_limit_holds_from_above() -> None:
    gate = Gate("false_refusal", maximum=0.1)
    assert judge({"false_refusal": Metric(0.1)}, [gate]).passed
    assert not judge({"false_refusal": Metric(0.11)}, [gate]).passed


def test_a_warning_never_blocks() -> None:
    assert judge({}, [Gate("natural_accuracy", minimum=0.85, blocking=False)]).passed
