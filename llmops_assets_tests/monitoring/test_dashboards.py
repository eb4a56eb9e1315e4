"""Dashboards and rules ask only for metrics that exist, in queries that Prometheus can read."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_assets.monitoring.alerting import ProductRules
from llmops_assets.monitoring.dashboards import all_products_dashboard, product_dashboard
from llmops_assets.monitoring.metric_names import known_series
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets_tests.monitoring.profiles import CONFIGS, needs

CONFIG = MonitoringConfig()
BOARDS = {
    "all": all_products_dashboard(CONFIG),
    **{name: product_dashboard(name, CONFIG) for name in CONFIGS},
}


def queries(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def names_in(expressions: list[str]) -> set[str]:
    return set(re.findall(r"\bllmops[_:][a-zA-Z0-9_:]+", " ".join(expressions)))


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_has_eight_panels_that_do_not_overlap(name: str) -> None:
    panels = BOARDS[name]["panels"]

    assert len(panels) == 8
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == 8
    assert len({panel["id"] for panel in panels}) == 8


def test_every_dashboard_has_a_name_of_its_own() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_ask_only_for_known_metrics(name: str) -> None:
    asked = names_in(queries(BOARDS[name]))

    assert asked
    assert asked <= known_series()


@pytest.mark.parametrize("product", CONFIGS)
def test_rules_ask_only_for_known_metrics_and_record_only_known_names(product: str) -> None:
    rules = ProductRules(product, CONFIGS[product]).as_dict()["groups"][0]["rules"]

    assert names_in([rule["expr"] for rule in rules]) <= known_series()
    assert {rule["record"] for rule in rules if "record" in rule} <= known_series()


def test_the_dashboard_of_one_product_shows_no_other() -> None:
    for query in queries(BOARDS["DocWriter"]):
        assert query.count("{") == query.count('{product="DocWriter"')


@needs("promtool")
@pytest.mark.parametrize("name", BOARDS)
def test_prometheus_can_read_every_query(name: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries(BOARDS[name]))
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, check=True, capture_output=True)
