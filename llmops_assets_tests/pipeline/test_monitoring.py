"""What a drift report looks at, and when the exporter says that somebody looked; and where the profile's Prometheus scrapes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_assets.deployment.line_log import append_line
from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.monitoring import drift_report, monitoring_profile
from llmops_assets.pipeline.traffic import request_log
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets.storage import atomic
from llmops_assets_tests.judged_product import put, put_grounds, put_report
from llmops_assets_tests.monitoring.traffic import traffic

CONFIG = MonitoringConfig.model_validate({"metrics_port": 9464, "drift": {"window": 200}})


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A product that is deployed and watched."""
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)
    recipe = graph.example_recipe().model_copy(update={"monitoring": CONFIG})
    found = Workshop(Project(tmp_path), recipe, lambda _: None)
    baseline = build_baseline(traffic(1, 400), product="Example", version="1.0.0", evaluation_metrics={})
    put(found, "ollama_deployment", {"deployment.json": b"{}"}, version="1.0.0")
    put(found, "monitoring_profile", {"baseline.json": json.dumps(baseline).encode()})
    return found


def ask(shop: Workshop, records: list[dict[str, Any]]) -> None:
    for record in records:
        append_line(request_log(shop.project, shop.product), {"version": "1.0.0", **record})


def test_what_was_asked_long_ago_hides_no_drift(shop: Workshop) -> None:
    ask(shop, [*traffic(2, 1800), *traffic(3, 200, prompt_chars=75)])
    found = atomic.read_json(drift_report(shop).artifact.file("drift.json"))
    assert (found["records"], found["state"]) == (200, "critical")


def test_a_report_that_still_holds_was_measured_now(shop: Workshop) -> None:
    published = shop.project.home / "drift" / "Example.json"
    drift_report(shop)
    atomic.write_json(published, {**atomic.read_json(published), "measured_at": 0})
    assert drift_report(shop).artifact.cached
    assert atomic.read_json(published)["measured_at"] > 0


def test_prometheus_scrapes_the_gateway_from_its_container(shop: Workshop) -> None:
    put_grounds(shop)
    rows = [{**record, "prompt": "call Ana"} for record in traffic(4, 200)]
    atomic.write_jsonl(put_report(shop).artifact.path / "traffic.jsonl", rows)
    made = monitoring_profile(shop)
    scraped = yaml.safe_load(made.artifact.file("prometheus.yml").read_text())["scrape_configs"]
    assert scraped[0]["static_configs"] == [{"targets": ["host.docker.internal:9464"]}]
    prometheus = yaml.safe_load(made.artifact.file("compose.yaml").read_text())["services"]["prometheus"]
    assert prometheus["extra_hosts"] == ["host.docker.internal:host-gateway"]
