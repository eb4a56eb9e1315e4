"""Grafana dashboards as JSON: eight panels, for all products or for one."""

from dataclasses import dataclass, field
from typing import Any

from llmops_assets.monitoring import metric_names as names
from llmops_assets.recipes.monitoring import MonitoringConfig

DATASOURCE = {"type": "prometheus", "uid": "llmops-prometheus"}
WINDOW = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """One panel: queries with their legends, a unit, and where the colours change."""

    title: str
    kind: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, float | None], ...] = ()
    maximum: float | None = None
    mappings: list[dict[str, Any]] = field(default_factory=list)


def all_products_dashboard(config: MonitoringConfig) -> dict[str, Any]:
    """Every product side by side, with a picker."""
    picker = {
        "name": "product",
        "type": "query",
        "datasource": DATASOURCE,
        "query": f"label_values({names.MODEL_LOADED.name}, product)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }
    return _dashboard("llmops-all", "LLMOps: all products", 'product=~"$product"', config, [picker])


def product_dashboard(product: str, config: MonitoringConfig) -> dict[str, Any]:
    """One product."""
    return _dashboard(f"llmops-{product.lower()}", f"LLMOps: {product}", f'product="{product}"', config, [])


def _dashboard(
    uid: str, title: str, selector: str, config: MonitoringConfig, variables: list[dict[str, Any]]
) -> dict[str, Any]:
    panels = (*_traffic_panels(selector, config), *_answer_panels(selector, config))
    return {
        "uid": uid,
        "title": title,
        "tags": ["llmops"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _traffic_panels(selector: str, config: MonitoringConfig) -> tuple[Panel, ...]:
    requests = f"{names.REQUESTS.name}{{{selector}}}{WINDOW}"
    failed = f'{names.REQUESTS.name}{{{selector}, status=~"5.."}}{WINDOW}'
    buckets = f"sum by (product, le) (rate({names.DURATION.name}_bucket{{{selector}}}{WINDOW}))"
    every = f"sum by (product) (rate({requests}))"
    limits = config.thresholds
    return (
        Panel(
            "Requests by status",
            "timeseries",
            "reqps",
            ((f"sum by (product, status) (rate({requests}))", "{{product}} {{status}}"),),
        ),
        Panel(
            "Latency",
            "timeseries",
            "s",
            tuple((f"histogram_quantile({q}, {buckets})", f"{{{{product}}}} p{q:.0%}"[:-1]) for q in (0.5, 0.95, 0.99)),
            _rising(limits.p95_latency_s / 2, limits.p95_latency_s),
        ),
        Panel(
            "Failed requests",
            "timeseries",
            "percentunit",
            # Without the second half a product that never failed has no line at all.
            ((f"(sum by (product) (rate({failed})) or 0 * {every}) / {every}", "{{product}}"),),
            _rising(1 - config.slo.objective, limits.error_rate),
            1.0,
        ),
        Panel(
            "Model",
            "stat",
            "none",
            ((f"max by (product) ({names.MODEL_LOADED.name}{{{selector}}})", "{{product}}"),),
            (("red", None), ("green", 1)),
            mappings=[{"type": "value", "options": {"0": {"text": "DOWN"}, "1": {"text": "UP"}}}],
        ),
    )


def _answer_panels(selector: str, config: MonitoringConfig) -> tuple[Panel, ...]:
    def rate(metric: names.Metric) -> str:
        return f"(rate({metric.name}{{{selector}}}{WINDOW}))"

    quality, drift = config.thresholds.quality, config.drift
    return (
        Panel(
            "Quality",
            "gauge",
            "percentunit",
            ((f"{names.QUALITY.name}{{{selector}}}", "{{product}} {{version}}"),),
            (("red", None), ("yellow", quality), ("green", round((1 + quality) / 2, 4))),
            1.0,
        ),
        Panel(
            "Tokens",
            "timeseries",
            "none",
            ((f"sum by (product, direction) {rate(names.TOKENS)}", "{{product}} {{direction}}/s"),),
        ),
        Panel(
            "Drift",
            "timeseries",
            "none",
            ((f"max by (product, column) ({names.DRIFT.name}{{{selector}}})", "{{product}} {{column}}"),),
            _rising(drift.warning, drift.critical),
        ),
        Panel(
            "Refused, cut, guarded",
            "timeseries",
            "reqps",
            (
                (f"sum by (product) {rate(names.REFUSALS)}", "{{product}} refused"),
                (f"sum by (product) {rate(names.TRUNCATED)}", "{{product}} cut"),
                (f"sum by (product, stage) {rate(names.GUARD_HITS)}", "{{product}} guard {{stage}}"),
            ),
        ),
    )


def _rising(warning: float, critical: float) -> tuple[tuple[str, float | None], ...]:
    return ("green", None), ("yellow", round(warning, 6)), ("red", round(critical, 6))


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "mappings": panel.mappings}
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.steps:
        steps = [{"color": color, "value": value} for color, value in panel.steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": DATASOURCE,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {"refId": "ABC"[at], "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(panel.queries)
        ],
    }
