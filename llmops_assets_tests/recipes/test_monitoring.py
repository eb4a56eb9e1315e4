"""The monitoring section of a recipe refuses what could not work."""

import pytest
from pydantic import ValidationError

from llmops_assets.recipes.monitoring import MonitoringConfig


def test_defaults_are_those_of_the_brief() -> None:
    config = MonitoringConfig()

    assert (config.metrics_port, config.log_level) == (9090, "INFO")
    assert (config.drift.warning, config.drift.critical) == (0.15, 0.30)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"metrics_prot": 9090}, "metrics_prot"),
        ({"drift": {"warning": 0.4}}, "drift.warning below drift.critical"),
        ({"alert_channels": ["email"]}, "name an address"),
        ({"alert_channels": ["pigeon"]}, "pager"),
        ({"slo": {"objective": 0.5}}, "objective"),
        ({"thresholds": {"p95_latency_s": 600}}, "p95_latency_s"),
    ],
)
def test_a_wrong_section_is_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MonitoringConfig.model_validate(settings)
