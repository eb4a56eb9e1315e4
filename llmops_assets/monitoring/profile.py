"""The monitoring profile of one product: everything an operator loads, in one folder.

baseline.json  rules.yml  rules_test.yml  alertmanager.yml  prometheus.yml  compose.yaml  README.md
dashboards/    grafana/   runbooks/       secrets/ (empty)
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring import stack
from llmops_assets.monitoring.alerting import ProductRules
from llmops_assets.monitoring.dashboards import all_products_dashboard, product_dashboard
from llmops_assets.monitoring.profile_readme import profile_readme
from llmops_assets.monitoring.routing import alertmanager_yaml, secret_files
from llmops_assets.monitoring.rule_scenarios import RuleScenarios
from llmops_assets.monitoring.rule_tests import rule_tests_yaml
from llmops_assets.monitoring.runbooks import RUNBOOKS, runbook_markdown
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets.storage import atomic

# What stands in queries, file names and templates without escaping.
PRODUCT_NAME = re.compile(r"\w[\w .+-]{0,60}")


def write_profile(
    work: Path,
    *,
    product: str,
    version: str,
    config: MonitoringConfig,
    baseline: Mapping[str, Any],
    evaluation_metrics: Mapping[str, float],
    targets: Sequence[str],
) -> dict[str, Any]:
    """Writes the profile; the same input gives the same bytes.

    Args:
        work: the folder to fill.
        product: the product.
        version: the release that is watched.
        config: the recipe's section.
        baseline: what `build_baseline` gave.
        evaluation_metrics: the report's numbers, for the README.
        targets: exporters as `host:port`, as Prometheus reaches them.

    Returns:
        JSON-able metadata; `threshold_conflicts` says which alerts would fire from the first day.

    Raises:
        MonitoringError: nothing to scrape, or a name that cannot stand in a query.
    """
    if not targets:
        raise MonitoringError(f"expected an exporter to scrape for {product}, got none; name host:port")
    if not PRODUCT_NAME.fullmatch(product):
        raise MonitoringError(
            f"expected a product name of letters, digits, spaces and . + - _, got {product!r}; rename it"
        )
    rules = ProductRules(product, config)
    conflicts = threshold_conflicts(baseline, config)
    texts = {
        "rules.yml": rules.as_yaml(),
        "rules_test.yml": rule_tests_yaml(product, config),
        "alertmanager.yml": alertmanager_yaml(config),
        "prometheus.yml": stack.prometheus_yaml(targets),
        "compose.yaml": stack.compose_yaml(config),
        "grafana/datasources.yml": stack.grafana_datasources_yaml(),
        "grafana/dashboards.yml": stack.grafana_dashboards_yaml(),
        "secrets/.gitignore": "*\n!.gitignore\n",
        "README.md": profile_readme(rules, version, baseline, evaluation_metrics, conflicts),
        **{f"runbooks/{alert}.md": runbook_markdown(alert, product) for alert in RUNBOOKS},
    }
    documents = {
        "baseline.json": dict(baseline),
        "dashboards/all_products.json": all_products_dashboard(config),
        "dashboards/product.json": product_dashboard(product, config),
    }
    for name, text in texts.items():
        atomic.write_text(work / name, text)
    for name, document in documents.items():
        atomic.write_json(work / name, document)
    return {
        "product": product,
        "version": version,
        "alerts": sorted({alert.name for alert in rules.alerts()}),
        "rule_scenarios": len(RuleScenarios(product, config).all()),
        "baseline_records": baseline["records"],
        "baseline_source": baseline["source"],
        "baseline_columns": sorted(baseline["columns"]),
        "alert_channels": list(config.alert_channels),
        "secrets": sorted({*secret_files(config), stack.GRAFANA_PASSWORD}),
        "threshold_conflicts": conflicts,
        "files": sorted({*texts, *documents}),
    }


def threshold_conflicts(baseline: Mapping[str, Any], config: MonitoringConfig) -> list[str]:
    """Thresholds that the release missed already when it was judged, one sentence each."""
    columns, limits = baseline["columns"], config.thresholds
    conflicts = []
    latency = columns.get("latency_s")
    if latency and latency["p95"] > limits.p95_latency_s:
        conflicts.append(
            f"HighLatency alarms above {limits.p95_latency_s:g} s; the baseline has {latency['p95']:.3g} s"
        )
    form = columns.get("format_valid")
    if form:
        share = form["counts"].get("true", 0) / form["n"]
        if share < limits.quality:
            conflicts.append(
                f"QualityDrift alarms below {limits.quality:.0%}; {share:.0%} of the baseline is well-formed"
            )
    if baseline["records"] < config.drift.minimum_sample:
        conflicts.append(
            f"drift needs {config.drift.minimum_sample} records, and the baseline has {baseline['records']}"
        )
    return conflicts
