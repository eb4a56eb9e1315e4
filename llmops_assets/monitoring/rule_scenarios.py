"""What the rules must do, as scenarios: metrics over time, minutes at which an alert fires, and at which not.

They are made from the recipe's own thresholds, so that `promtool test rules` proves the numbers chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_assets.monitoring import metric_names as names
from llmops_assets.monitoring.alerting import DRIFT_STALE_HOURS
from llmops_assets.monitoring.scenario import Expectation, Scenario, fires, quiet
from llmops_assets.recipes.monitoring import MonitoringConfig

LEAST_PER_MINUTE = 1000


@dataclass(frozen=True)
class RuleScenarios:
    """The scenarios of one product."""

    product: str
    config: MonitoringConfig

    @property
    def per_minute(self) -> int:
        """Traffic that is enough to prove a rate."""
        return max(LEAST_PER_MINUTE, self.config.thresholds.minimum_requests)

    def all(self) -> tuple[Scenario, ...]:
        """Every scenario."""
        return (
            self.healthy(),
            *self.availability(),
            *self.errors(),
            *self.answers(),
            *self.drift(),
            *self.traffic(),
        )

    def healthy(self) -> Scenario:
        """Fast, correct traffic of the judged kind."""
        series = [
            *self._requests(ok=self.per_minute, failed=0, minutes=60),
            *self._durations(slow=False, minutes=60),
            self._series(names.MODEL_LOADED, "1x60"),
            self._series(names.QUALITY, "1x60"),
            self._series(names.DRIFT, "0x60", column="action"),
            self._series(names.DRIFT_MEASURED, "0x60"),
        ]
        every = ("ModelDown", "HighErrorRate", "ErrorBudgetBurnFast", "ErrorBudgetBurnSlow", "HighLatency")
        others = ("QualityDrift", "DriftHigh", "DriftUnmeasured", "AnswersTruncated", "NoRequests")
        expected = [entry for alert in (*every, *others) for entry in quiet(alert, 3, 30, 60)]
        return Scenario("healthy traffic is quiet", series, expected)

    def availability(self) -> tuple[Scenario, ...]:
        """The model is there or not."""
        return (
            Scenario(
                "a model that unloads is down",
                [self._series(names.MODEL_LOADED, "1x5 0x20")],
                [*quiet("ModelDown", 5), *fires("ModelDown", 10, 20)],
            ),
            Scenario(
                "an exporter that vanishes is down",
                [self._series(names.MODEL_LOADED, "1x5 _x20")],
                [*quiet("ModelDown", 5), *fires("ModelDown", 15)],
            ),
            Scenario(
                "a candidate that does not load leaves production up",
                [
                    self._series(names.MODEL_LOADED, "1x20"),
                    self._series(names.MODEL_LOADED, "0x20", version="2.0.0"),
                ],
                quiet("ModelDown", 5, 10, 20),
            ),
        )

    def errors(self) -> tuple[Scenario, ...]:
        """Requests fail, at once or slowly."""
        limit, budget = self.config.thresholds.error_rate, 1 - self.config.slo.objective
        fast, slow = "ErrorBudgetBurnFast", "ErrorBudgetBurnSlow"
        some, many = self.per_minute, 100 * self.per_minute
        return (
            self._failing("above the limit", (1 + limit) / 2, 20, some, fires("HighErrorRate", 6, 20)),
            self._failing("below the limit", limit / 2, 20, some, quiet("HighErrorRate", 6, 20)),
            self._failing("too few to prove a rate", 1.0, 5, self._few(), quiet("HighErrorRate", 4, 5)),
            self._failing("in an outage", 1.0, 20, some, fires(fast, 10, 20)),
            self._failing("at twice the budget", 2 * budget, 60, many, quiet(fast, 30, 60) + fires(slow, 60)),
            self._failing("at half the budget", budget / 2, 60, many, quiet(fast, 60) + quiet(slow, 60)),
        )

    def _few(self) -> int:
        """Requests a minute that stay below the minimum over five minutes, where the minimum allows any."""
        return (self.config.thresholds.minimum_requests - 1) // 6

    def answers(self) -> tuple[Scenario, ...]:
        """Latency, quality, truncation."""
        limit = self.config.thresholds.quality
        bad, good = (f"{value:g}x30" for value in (limit / 2, (1 + limit) / 2))
        loaded = self._series(names.MODEL_LOADED, "1x30")
        return (
            Scenario(
                "slow answers",
                self._durations(slow=True, minutes=20),
                [*quiet("HighLatency", 3), *fires("HighLatency", 10, 20)],
            ),
            Scenario("fast answers", self._durations(slow=False, minutes=20), quiet("HighLatency", 3, 10, 20)),
            Scenario(
                "bad answers",
                [loaded, self._series(names.QUALITY, bad)],
                [*quiet("QualityDrift", 10), *fires("QualityDrift", 20, 30)],
            ),
            Scenario("good answers", [loaded, self._series(names.QUALITY, good)], quiet("QualityDrift", 10, 20, 30)),
            Scenario(
                "bad answers of a retired release",
                [self._series(names.MODEL_LOADED, "0x30"), self._series(names.QUALITY, bad)],
                quiet("QualityDrift", 20, 30),
            ),
            self._truncating("answers are cut", 1.0, fires("AnswersTruncated", 15, 20)),
            self._truncating(
                "answers are hardly cut",
                self.config.thresholds.truncation_rate / 2,
                quiet("AnswersTruncated", 15, 20),
            ),
        )

    def drift(self) -> tuple[Scenario, ...]:
        """Drift scores around both levels, of loaded and of retired releases."""
        warning, critical = self.config.drift.warning, self.config.drift.critical
        almost_stale = 20 * 60 - DRIFT_STALE_HOURS * 3600
        return (
            self._drifting("below both levels", warning / 2, [], ["warning", "critical"]),
            self._drifting("at the first level", warning, ["warning"], ["critical"]),
            self._drifting("between the levels", (warning + critical) / 2, ["warning"], ["critical"]),
            self._drifting("at the second level", critical, ["critical"], ["warning"]),
            self._drifting("a retired release drifts", critical * 2, [], ["warning", "critical"], loaded="0x10"),
            Scenario(
                "nobody measures",
                [self._series(names.DRIFT_MEASURED, f"{almost_stale}x60")],
                [*quiet("DriftUnmeasured", 10, 30), *fires("DriftUnmeasured", 40, 60)],
            ),
        )

    def traffic(self) -> tuple[Scenario, ...]:
        """Requests come or do not."""
        window = self.config.thresholds.no_request_minutes
        length = 3 * window + 10
        loaded = self._series(names.MODEL_LOADED, f"1x{length}")
        counted = self._series(names.REQUESTS, f"0x{window} 7x{length - window}", endpoint="/", status="200")
        return (
            Scenario(
                "nobody ever asks",
                [loaded],
                [*quiet("NoRequests", window - 1), *fires("NoRequests", window + 3, length)],
            ),
            Scenario(
                "the last request was long ago",
                [loaded, counted],
                [
                    *quiet("NoRequests", window + 3, 2 * window),
                    *fires("NoRequests", 2 * window + 5, length),
                ],
            ),
            Scenario(
                "a model that is down has its own alert",
                [self._series(names.MODEL_LOADED, f"0x{length}")],
                [*quiet("NoRequests", window + 3, length), *fires("ModelDown", window + 3)],
            ),
        )

    def _failing(self, name: str, share: float, minutes: int, total: int, expected: Sequence[Expectation]) -> Scenario:
        failed = round(total * share)
        series = self._requests(ok=total - failed, failed=failed, minutes=minutes)
        return Scenario(f"failures {name}", series, expected)

    def _truncating(self, name: str, share: float, expected: Sequence[Expectation]) -> Scenario:
        series = [
            *self._requests(ok=self.per_minute, failed=0, minutes=20),
            self._series(names.TRUNCATED, f"0+{round(self.per_minute * share)}x20"),
        ]
        return Scenario(name, series, expected)

    def _drifting(
        self, name: str, score: float, firing: list[str], silent: list[str], loaded: str = "1x10"
    ) -> Scenario:
        series = [
            self._series(names.MODEL_LOADED, loaded),
            self._series(names.DRIFT, f"{score:g}x10", column="action"),
        ]
        expected = [
            *(entry for severity in firing for entry in fires("DriftHigh", 1, 10, severity=severity)),
            *(entry for severity in silent for entry in quiet("DriftHigh", 1, 10, severity=severity)),
        ]
        return Scenario(f"drift {name}", series, expected)

    def _requests(self, *, ok: int, failed: int, minutes: int) -> list[tuple[str, str]]:
        return [
            self._series(names.REQUESTS, f"0+{count}x{minutes}", endpoint="/", status=status)
            for status, count in (("200", ok), ("503", failed))
        ]

    def _durations(self, *, slow: bool, minutes: int) -> list[tuple[str, str]]:
        """All requests in the first bucket, or in the first one that lies wholly above the limit."""
        limit = self.config.thresholds.p95_latency_s if slow else 0.0
        lower = next(bound for bound in names.DURATION_BUCKETS if bound >= limit) if slow else 0.0
        return [
            self._series(
                names.DURATION,
                f"0+{self.per_minute if bound > lower else 0}x{minutes}",
                part="_bucket",
                endpoint="/",
                le=f"{bound:g}".replace("inf", "+Inf"),
            )
            for bound in (*names.DURATION_BUCKETS, float("inf"))
        ]

    def _series(
        self, metric: names.Metric, values: str, *, part: str = "", version: str = "1.0.0", **labels: str
    ) -> tuple[str, str]:
        pairs = {"product": self.product, "version": version, **labels}
        inside = ", ".join(f'{key}="{value}"' for key, value in pairs.items())
        return f"{metric.name}{part}{{{inside}}}", values
