"""Profiles of three products with unlike thresholds, and the skip where Prometheus' tools are missing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.profile import write_profile
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets_tests.monitoring.traffic import traffic

EVERY_CHANNEL = {"email_to": "ops@example.org", "smtp_username": "llmops"}
CONFIGS = {
    "TaskMaster": MonitoringConfig(),
    "CodeReviewer": MonitoringConfig.model_validate(
        {
            "alert_channels": ["slack", "email", "pager"],
            "channels": EVERY_CHANNEL,
            "thresholds": {
                "p95_latency_s": 20,
                "error_rate": 0.01,
                "quality": 0.9,
                "no_request_minutes": 60,
                "minimum_requests": 5000,
            },
            "slo": {"objective": 0.999},
            "drift": {"warning": 0.1, "critical": 0.2},
        }
    ),
    "DocWriter": MonitoringConfig.model_validate(
        {
            "alert_channels": ["slack"],
            "log_level": "WARNING",
            "thresholds": {
                "p95_latency_s": 60,
                "error_rate": 0.5,
                "quality": 0.3,
                "no_request_minutes": 2,
                "minimum_requests": 1,
                "truncation_rate": 0.5,
            },
            "slo": {"objective": 0.95},
            "drift": {"warning": 0.45, "critical": 0.9},
        }
    ),
}


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skips, and says which tool is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def written(folder: Path, product: str, *, targets: tuple[str, ...] = ("gateway:9090",)) -> dict[str, Any]:
    """Writes one product's profile."""
    return write_profile(
        folder,
        product=product,
        version="1.0.0",
        config=CONFIGS[product],
        baseline=build_baseline(
            traffic(1, 300), product=product, version="1.0.0", evaluation_metrics={"accuracy": 0.9}
        ),
        evaluation_metrics={"accuracy": 0.9, "safety": 1.0},
        targets=targets,
    )
