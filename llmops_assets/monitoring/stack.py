"""The files that start Prometheus, Alertmanager and Grafana on one machine."""

from collections.abc import Sequence
from typing import Any

import yaml

from llmops_assets.monitoring.dashboards import DATASOURCE
from llmops_assets.recipes.monitoring import LogLevel, MonitoringConfig

PROMETHEUS_IMAGE = "prom/prometheus:v3.5.0"
ALERTMANAGER_IMAGE = "prom/alertmanager:v0.28.1"
GRAFANA_IMAGE = "grafana/grafana:12.1.0"
GRAFANA_PASSWORD = "grafana_password"
LOG_LEVELS: dict[LogLevel, str] = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error"}


def prometheus_yaml(targets: Sequence[str], *, alertmanager: str = "alertmanager:9093", interval_s: int = 15) -> str:
    """The scrape configuration: exporters as `host:port`, one Alertmanager, the rules beside it."""
    return _yaml(
        {
            "global": {"scrape_interval": f"{interval_s}s", "evaluation_interval": f"{interval_s}s"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [{"job_name": "llmops", "static_configs": [{"targets": list(targets)}]}],
        }
    )


def compose_yaml(config: MonitoringConfig) -> str:
    """The stack, reachable from this machine only; the data outlive the containers."""
    level = f"--log.level={LOG_LEVELS[config.log_level]}"
    services = {
        "prometheus": _service(
            PROMETHEUS_IMAGE,
            # Not 9090: that is the exporter's.
            "9091:9090",
            [
                "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
                "./rules.yml:/etc/prometheus/rules.yml:ro",
            ],
            ("prometheus", "/prometheus"),
            command=[
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.retention.time=90d",
                level,
            ],
            extra_hosts=["host.docker.internal:host-gateway"],
        ),
        "alertmanager": _service(
            ALERTMANAGER_IMAGE,
            "9093:9093",
            [
                "./alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro",
                "./secrets:/etc/alertmanager/secrets:ro",
            ],
            ("alertmanager", "/alertmanager"),
            command=[
                "--config.file=/etc/alertmanager/alertmanager.yml",
                "--storage.path=/alertmanager",
                level,
            ],
            extra_hosts=["host.docker.internal:host-gateway"],
        ),
        "grafana": _service(
            GRAFANA_IMAGE,
            "3000:3000",
            [
                "./grafana/datasources.yml:/etc/grafana/provisioning/datasources/llmops.yml:ro",
                "./grafana/dashboards.yml:/etc/grafana/provisioning/dashboards/llmops.yml:ro",
                "./dashboards:/var/lib/grafana/dashboards:ro",
                f"./secrets/{GRAFANA_PASSWORD}:/run/secrets/{GRAFANA_PASSWORD}:ro",
            ],
            ("grafana", "/var/lib/grafana"),
            environment={"GF_SECURITY_ADMIN_PASSWORD__FILE": f"/run/secrets/{GRAFANA_PASSWORD}"},
        ),
    }
    return _yaml({"name": "llmops-monitoring", "services": services, "volumes": dict.fromkeys(services)})


def grafana_datasources_yaml() -> str:
    """Tells Grafana where Prometheus is."""
    source = {"name": "LLMOps", "access": "proxy", "url": "http://prometheus:9090", "isDefault": True}
    return _yaml({"apiVersion": 1, "datasources": [{**source, **DATASOURCE}]})


def grafana_dashboards_yaml() -> str:
    """Tells Grafana where the dashboards are."""
    provider = {"name": "llmops", "type": "file", "options": {"path": "/var/lib/grafana/dashboards"}}
    return _yaml({"apiVersion": 1, "providers": [provider]})


def _service(image: str, port: str, mounts: list[str], data: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "image": image,
        "restart": "unless-stopped",
        "ports": [f"127.0.0.1:{port}"],
        "volumes": [*mounts, f"{data[0]}:{data[1]}"],
        **more,
    }


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=1000)
