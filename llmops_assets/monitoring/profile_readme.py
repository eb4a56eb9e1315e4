"""The README of a monitoring profile: what is watched, how to start it, and what is still missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmops_assets.monitoring import stack
from llmops_assets.monitoring.alerting import ProductRules
from llmops_assets.monitoring.routing import secret_files


def profile_readme(
    rules: ProductRules,
    version: str,
    baseline: Mapping[str, Any],
    evaluation_metrics: Mapping[str, float],
    conflicts: Sequence[str],
) -> str:
    """The page as markdown."""
    sections = (
        f"# Monitoring of {rules.product} {version}",
        _conflicts(conflicts),
        _start(rules),
        _alerts(rules),
        _baseline(baseline, evaluation_metrics),
        _several_products(),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _conflicts(conflicts: Sequence[str]) -> str:
    if not conflicts:
        return ""
    return "\n".join(["**Mend these first:**", "", *(f"- {conflict}" for conflict in conflicts)])


def _start(rules: ProductRules) -> str:
    secrets = {
        **secret_files(rules.config),
        stack.GRAFANA_PASSWORD: "password of Grafana's first user, `admin`",
    }
    return "\n".join(
        [
            "## Start",
            "",
            "1. Put one file for each secret into `secrets/`, readable by the containers' users:",
            "",
            *(f"   - `{name}`: {meaning}" for name, meaning in secrets.items()),
            "",
            "2. `docker compose up -d`",
            "3. Prometheus is on http://localhost:9091, Alertmanager on http://localhost:9093, "
            "Grafana on http://localhost:3000.",
            "",
            "The rules read what the product's gateway exports, `llmops serve`; a model server alone exports none of it. "
            "Containers reach this machine as `host.docker.internal`, and on Linux what listens on 127.0.0.1 only is out of "
            "their reach: start the gateway on the address of Docker's bridge, mostly "
            f"`llmops serve {rules.product} --host 172.17.0.1 --metrics-host 172.17.0.1`. "
            "Its incident webhook is open where `LLMOPS_INCIDENT_TOKEN` holds what is in `secrets/incident_token`.",
            "",
            "Check the files: `promtool check rules rules.yml`, `promtool test rules rules_test.yml`, "
            "`promtool check config prometheus.yml`, `amtool check-config alertmanager.yml`.",
        ]
    )


def _alerts(rules: ProductRules) -> str:
    rows = (
        f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.severity} | {alert.summary} | {alert.wait} |"
        for alert in rules.alerts()
    )
    channels = ", ".join(rules.config.alert_channels) or "none: only the incident webhook hears them"
    header = ["| alert | severity | what it says | holds for |", "|---|---|---|---|"]
    return "\n".join(["## Alerts", "", *header, *rows, "", f"Channels: {channels}."])


def _baseline(baseline: Mapping[str, Any], evaluation_metrics: Mapping[str, float]) -> str:
    columns = (f"`{name}` ({column['n']})" for name, column in baseline["columns"].items())
    measured = (f"| {name} | {value:g} |" for name, value in sorted(evaluation_metrics.items()))
    return "\n".join(
        [
            "## Baseline",
            "",
            f"{baseline['records']} requests, from {baseline['source']}: {', '.join(columns)}.",
            "",
            "| measured | value |",
            "|---|---|",
            *measured,
        ]
    )


def _several_products() -> str:
    return "\n".join(
        [
            "## Several products",
            "",
            "One Prometheus can watch all of them: put each product's `rules.yml` under its own name and",
            "list them under `rule_files`. Groups carry the product's name and do not collide.",
        ]
    )
