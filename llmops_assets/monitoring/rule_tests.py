"""The scenarios of a product's rules as the test file that `promtool test rules` reads."""

from typing import Any

import yaml

from llmops_assets.monitoring.rule_scenarios import RuleScenarios
from llmops_assets.monitoring.scenario import Expectation, Scenario
from llmops_assets.recipes.monitoring import MonitoringConfig


def rule_tests_yaml(product: str, config: MonitoringConfig, *, rules_file: str = "rules.yml") -> str:
    """The test file for `promtool test rules`."""
    scenarios = RuleScenarios(product, config).all()
    content = {
        "rule_files": [rules_file],
        "evaluation_interval": "1m",
        "tests": [_as_test(product, scenario) for scenario in scenarios],
    }
    return yaml.safe_dump(content, sort_keys=False, width=1000)


def _as_test(product: str, scenario: Scenario) -> dict[str, Any]:
    return {
        "name": f"{product}: {scenario.name}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in scenario.series],
        "promql_expr_test": [_as_query(product, expectation) for expectation in scenario.expected],
    }


def _as_query(product: str, expected: Expectation) -> dict[str, Any]:
    severity = f', severity="{expected.severity}"' if expected.severity else ""
    labels = f'alertname="{expected.alert}", alertstate="firing", product="{product}"{severity}'
    samples = [{"labels": "{}", "value": 1}] if expected.fires else []
    return {"expr": f"max(ALERTS{{{labels}}})", "eval_time": f"{expected.minute}m", "exp_samples": samples}
