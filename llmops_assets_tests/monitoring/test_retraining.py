"""Drift asks for a retraining only where one can help, and rests in between."""

import pytest

from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.drift import drift_report
from llmops_assets.monitoring.retraining import decide_retraining
from llmops_assets.recipes.monitoring import DriftConfig
from llmops_assets_tests.monitoring.traffic import traffic

CONFIG = DriftConfig(cool_down_hours=72)
NOW = 1_000_000_000.0
HOUR = 3600.0


@pytest.mark.parametrize(
    ("kind", "last_requested_at", "wanted", "reason"),
    [
        ({}, None, False, "no column drifted"),
        ({"prompt_chars": 120}, None, True, "critical drift in prompt_chars"),
        ({"prompt_chars": 67}, None, False, "nothing critical"),
        ({"latency_s": 5.0}, None, False, "nothing critical that training could mend"),
        ({"prompt_chars": 120}, NOW - 10 * HOUR, False, "cooling down for 62.0 h more"),
        ({"prompt_chars": 120}, NOW - 72 * HOUR, True, "critical drift"),
    ],
)
def test_a_retraining_is_wanted_or_not(
    kind: dict[str, float], last_requested_at: float | None, wanted: bool, reason: str
) -> None:
    baseline = build_baseline(traffic(1, 400), product="TaskMaster", version="1", evaluation_metrics={})
    report = drift_report(baseline, traffic(7, 400, **kind), CONFIG)  # type: ignore[arg-type]

    found = decide_retraining(report, CONFIG, last_requested_at=last_requested_at, now=NOW)

    assert found.wanted is wanted
    assert reason in found.reason
