"""Drift: quiet on the same traffic and on improvements, loud on shifts, and honest about too little data."""

from typing import Any

import pytest

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.drift import DriftReport, drift_report
from llmops_assets.monitoring.drift_markdown import drift_markdown
from llmops_assets.recipes.monitoring import DriftConfig
from llmops_assets_tests.monitoring.traffic import OTHER_WORDS, traffic

CONFIG = DriftConfig()


def baseline(seed: int = 1, count: int = 400, **kind: Any) -> dict[str, Any]:
    return build_baseline(traffic(seed, count, **kind), product="TaskMaster", version="1", evaluation_metrics={})


def report(records: list[dict[str, Any]], against: dict[str, Any] | None = None) -> DriftReport:
    return drift_report(against or baseline(), records, CONFIG)


def state_of(found: DriftReport, column: str) -> str:
    return next(entry.state for entry in found.columns if entry.name == column)


def test_the_same_traffic_alarms_no_more_often_than_promised() -> None:
    # 5 % of 200 is 10; 18 is the 99th percentile of such a count.
    alarms = [seed for seed in range(200) if report(traffic(2 * seed, 150), baseline(2 * seed + 1, 300)).state != "ok"]

    assert len(alarms) <= 18


@pytest.mark.parametrize("count", [300, 2500])
@pytest.mark.parametrize(
    ("column", "kind", "state"),
    [
        ("prompt_chars", {"prompt_chars": 68}, "warning"),
        ("prompt_chars", {"prompt_chars": 90}, "critical"),
        ("answer_chars", {"answer_chars": 60}, "critical"),
        ("prompt_distance", {"words": OTHER_WORDS}, "critical"),
        ("action", {"actions": {"list": 9.0, "create": 1.0}}, "critical"),
        ("action", {"actions": {"create": 5.0, "list": 2.0, "book_a_flight": 3.0}}, "critical"),
        ("refused", {"refused": 0.25}, "warning"),
        ("refused", {"refused": 0.55}, "critical"),
        ("format_valid", {"format_valid": 0.72}, "warning"),
        ("format_valid", {"format_valid": 0.40}, "critical"),
        ("latency_s", {"latency_s": 2.5}, "critical"),
    ],
)
def test_a_shift_alarms(column: str, kind: dict[str, Any], state: str, count: int) -> None:
    found = report(traffic(7, count, **kind), baseline(1, count))

    assert state_of(found, column) == state
    assert found.state == state


@pytest.mark.parametrize("count", [300, 2500])
@pytest.mark.parametrize("kind", [{"refused": 0.0}, {"format_valid": 1.0}, {"latency_s": 0.1}])
def test_an_improvement_never_alarms(kind: dict[str, Any], count: int) -> None:
    found = report(traffic(7, count, **kind), baseline(1, count, refused=0.4, format_valid=0.6))

    assert state_of(found, next(iter(kind))) == "ok"
    assert found.scores[next(iter(kind))] == 0.0


def test_a_tiny_but_certain_difference_is_no_alarm_on_a_large_sample() -> None:
    found = report(traffic(7, 20_000, prompt_chars=63), baseline(1, 2000))

    column = found.columns[0]
    assert column.p_adjusted is not None
    assert column.p_adjusted < 0.05
    assert found.state == "ok"


@pytest.mark.parametrize(("recorded", "requests"), [(400, 99), (99, 400), (400, 0)])
def test_too_little_data_is_a_state_of_its_own(recorded: int, requests: int) -> None:
    found = report(traffic(7, requests, prompt_chars=200), baseline(1, recorded))

    assert found.state == "too_little_data"
    assert found.scores == {}
    assert "too little data" in drift_markdown(found)


def test_a_column_without_values_is_named_and_not_judged() -> None:
    records = [{**record, "format_valid": None} for record in traffic(7, 300)]

    found = report(records)

    assert state_of(found, "format_valid") == "too_little_data"
    assert found.state == "ok"
    assert "too little data for: format_valid" in found.reason


@pytest.mark.parametrize(
    ("count", "tests"),
    [
        (300, ["ks", "ks_one_sided", "chi2", "ks", "fisher_one_sided", "fisher_one_sided", "ks_one_sided"]),
        (
            1500,
            [
                "psi",
                "ks_one_sided",
                "g_test",
                "psi",
                "two_proportions_z",
                "two_proportions_z",
                "ks_one_sided",
            ],
        ),
    ],
)
def test_the_test_is_chosen_by_kind_and_size_and_named(count: int, tests: list[str]) -> None:
    found = report(traffic(7, count), baseline(1, count))

    assert [column.comparison.test for column in found.columns if column.comparison] == tests
    assert all(test in drift_markdown(found) for test in tests)


def test_the_report_names_the_assets_behind_the_drift() -> None:
    found = report(traffic(7, 300, prompt_chars=120, refused=0.7))

    assert found.rebuild == ("curated_conversations", "dpo_model")
    assert "`curated_conversations`, `dpo_model`" in drift_markdown(found)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ({"prompt_chars": "long"}, "prompt_chars of kind numeric in request record 0 of TaskMaster"),
        ({"latency_s": float("nan")}, "latency_s"),
        ({"refused": 1}, "refused of kind rate"),
        ({"action": 3}, "action of kind category"),
    ],
)
def test_a_malformed_record_is_refused(broken: dict[str, Any], complaint: str) -> None:
    records = traffic(7, 300)

    with pytest.raises(MonitoringError, match=complaint):
        report([{**records[0], **broken}, *records[1:]])


def test_a_baseline_of_another_schema_is_refused() -> None:
    with pytest.raises(MonitoringError, match="schema 1, got 9 for TaskMaster"):
        report(traffic(7, 300), {**baseline(), "schema": 9})
