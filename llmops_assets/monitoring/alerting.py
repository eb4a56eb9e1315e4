"""Prometheus rules of one product: recorded error ratios first, then the alerts that read them.

Every alert names its product and its runbook. Rates need a minimum of requests, silence has an alert of its
own (no traffic never reads as "all is well"), and what a release scored that is no longer loaded is ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import yaml

from llmops_assets.monitoring import metric_names as names
from llmops_assets.recipes.monitoring import MonitoringConfig

Severity = Literal["critical", "warning"]
DRIFT_STALE_HOURS = 24


@dataclass(frozen=True)
class BurnPair:
    """Error budget spent too fast: over a long window, and still so over a short one."""

    long: str
    short: str
    factor: float


# Shares of a 30-day budget: 2 % in an hour and 5 % in six page somebody; 10 % in a day or in three can wait.
FAST_BURN = (BurnPair("1h", "5m", 14.4), BurnPair("6h", "30m", 6.0))
SLOW_BURN = (BurnPair("1d", "2h", 3.0), BurnPair("3d", "6h", 1.0))


@dataclass(frozen=True)
class Alert:
    """One alert; `wait` is how long its condition must hold."""

    name: str
    severity: Severity
    expression: str
    wait: str
    summary: str
    description: str


@dataclass(frozen=True)
class ProductRules:
    """All rules of one product."""

    product: str
    config: MonitoringConfig

    def alerts(self) -> tuple[Alert, ...]:
        """Every alert, in the order in which an operator cares."""
        return (
            self._model_down(),
            self._high_error_rate(),
            self._burn("ErrorBudgetBurnFast", "critical", FAST_BURN, "2m"),
            self._burn("ErrorBudgetBurnSlow", "warning", SLOW_BURN, "15m"),
            self._high_latency(),
            self._quality_drift(),
            *self._drift_high(),
            self._drift_unmeasured(),
            self._answers_truncated(),
            self._no_requests(),
        )

    def as_dict(self) -> dict[str, Any]:
        """The rules file's content."""
        rules = [*self._recorded(), *(self._rule(alert) for alert in self.alerts())]
        return {"groups": [{"name": f"llmops-{self.product}", "interval": "1m", "rules": rules}]}

    def as_yaml(self) -> str:
        """The rules file, as `promtool check rules` reads it."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False, width=1000)

    def _rule(self, alert: Alert) -> dict[str, Any]:
        base = self.config.incidents.runbook_base_url.rstrip("/")
        return {
            "alert": alert.name,
            "expr": alert.expression,
            "for": alert.wait,
            "labels": {"severity": alert.severity, "product": self.product},
            "annotations": {
                "summary": alert.summary,
                "description": alert.description,
                "runbook_url": f"{base}/{quote(self.product)}/{alert.name}",
            },
        }

    def _recorded(self) -> Iterator[dict[str, Any]]:
        for window in names.BURN_WINDOWS:
            yield {
                "record": names.error_ratio(window),
                "expr": self._error_ratio(window),
                "labels": {"product": self.product},
            }

    def _series(self, metric: names.Metric, part: str = "", **matchers: str) -> str:
        pairs = ", ".join([f'product="{self.product}"', *(f"{key}{value}" for key, value in matchers.items())])
        return f"{metric.name}{part}{{{pairs}}}"

    def _error_ratio(self, window: str) -> str:
        failed = self._series(names.REQUESTS, status='=~"5.."')
        every = self._series(names.REQUESTS)
        return f"(sum(rate({failed}[{window}])) or vector(0)) / sum(rate({every}[{window}]))"

    def _enough(self, window: str) -> str:
        minimum = self.config.thresholds.minimum_requests
        return f"sum(increase({self._series(names.REQUESTS)}[{window}])) >= {minimum}"

    def _of_loaded(self, expression: str) -> str:
        return f"{expression} and on (product, version) {self._series(names.MODEL_LOADED)} == 1"

    def _model_down(self) -> Alert:
        loaded = self._series(names.MODEL_LOADED)
        return Alert(
            "ModelDown",
            "critical",
            f"max(max_over_time({loaded}[1m])) == 0 or absent({loaded})",
            "1m",
            f"{self.product} does not answer",
            "No release of the model is loaded, or the exporter has gone.",
        )

    def _high_error_rate(self) -> Alert:
        limit = self.config.thresholds.error_rate
        return Alert(
            "HighErrorRate",
            "critical",
            f"{self._error_ratio('5m')} > {limit:g} and {self._enough('5m')}",
            "2m",
            f"{self.product} fails more than {limit:.1%} of requests",
            "{{ $value | humanizePercentage }} of the requests of the last 5 minutes were answered 5xx.",
        )

    def _burn(self, name: str, severity: Severity, pairs: tuple[BurnPair, ...], wait: str) -> Alert:
        return Alert(
            name,
            severity,
            " or ".join(f"({self._burning(pair)})" for pair in pairs),
            wait,
            f"{self.product} spends its error budget too fast",
            f"The promise is {self.config.slo.objective:.2%} over 30 days; "
            "{{ $value | humanizePercentage }} of recent requests failed.",
        )

    def _burning(self, pair: BurnPair) -> str:
        limit = round(pair.factor * (1 - self.config.slo.objective), 8)
        ratios = (
            f'{names.error_ratio(window)}{{product="{self.product}"}} > {limit:g}' for window in (pair.long, pair.short)
        )
        return f"{' and '.join(ratios)} and on () {self._enough(pair.long)}"

    def _high_latency(self) -> Alert:
        limit = self.config.thresholds.p95_latency_s
        rate = f"sum by (le) (rate({self._series(names.DURATION, '_bucket')}[5m]))"
        return Alert(
            "HighLatency",
            "warning",
            f"histogram_quantile(0.95, {rate}) > {limit:g}",
            "5m",
            f"{self.product} is slow: p95 above {limit:g} s",
            "One request in twenty took longer than {{ $value | humanizeDuration }}.",
        )

    def _quality_drift(self) -> Alert:
        limit = self.config.thresholds.quality
        return Alert(
            "QualityDrift",
            "warning",
            self._of_loaded(f"{self._series(names.QUALITY)} < {limit:g}"),
            "15m",
            f"{self.product} answers worse than {limit:.0%} good",
            "Only {{ $value | humanizePercentage }} of the last verdicts on {{ $labels.version }} were good.",
        )

    def _drift_high(self) -> tuple[Alert, Alert]:
        score, drift = self._series(names.DRIFT), self.config.drift
        description = "Column {{ $labels.column }} moved by {{ $value | humanize }} against the baseline."
        warning = self._of_loaded(f"{score} >= {drift.warning:g} < {drift.critical:g}")
        critical = self._of_loaded(f"{score} >= {drift.critical:g}")
        summary = f"{self.product} gets other traffic, or answers otherwise, than when it was judged"
        return (
            Alert("DriftHigh", "critical", critical, "0m", summary, description),
            Alert("DriftHigh", "warning", warning, "0m", summary, description),
        )

    def _drift_unmeasured(self) -> Alert:
        measured = self._series(names.DRIFT_MEASURED)
        return Alert(
            "DriftUnmeasured",
            "warning",
            f"time() - max({measured}) > {DRIFT_STALE_HOURS * 3600}",
            "15m",
            f"Nobody measures the drift of {self.product}",
            "The last drift report is {{ $value | humanizeDuration }} old.",
        )

    def _answers_truncated(self) -> Alert:
        limit = self.config.thresholds.truncation_rate
        cut = f"sum(rate({self._series(names.TRUNCATED)}[15m]))"
        every = f"sum(rate({self._series(names.REQUESTS)}[15m]))"
        return Alert(
            "AnswersTruncated",
            "warning",
            f"{cut} / {every} > {limit:g} and {self._enough('15m')}",
            "5m",
            f"{self.product} cuts more than {limit:.1%} of its answers",
            "{{ $value | humanizePercentage }} of answers ended at a token or context limit.",
        )

    def _no_requests(self) -> Alert:
        window = f"{self.config.thresholds.no_request_minutes}m"
        requests, loaded = self._series(names.REQUESTS), self._series(names.MODEL_LOADED)
        # A difference of totals, because increase() is blind to the first request of a new series.
        total, before = f"(sum({requests}) or vector(0))", f"(sum({requests} offset {window}) or vector(0))"
        up = f"max({loaded}) == 1 and max({loaded} offset {window}) == 1"
        return Alert(
            "NoRequests",
            "warning",
            f"{total} - {before} == 0 and {up}",
            "1m",
            f"{self.product} has had no request for {window}",
            "The model is up, and nobody reaches it.",
        )
