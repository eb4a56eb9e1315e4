"""Every metric this project exports or records, once: exporter, rules and dashboards read names here."""

from dataclasses import dataclass
from typing import Literal

DURATION_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)
FIRST_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Metric:
    """One metric: its full name as scraped, what it counts, and its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    documentation: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names a query may use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


RELEASE = ("product", "version")

REQUESTS = Metric("llmops_requests_total", "counter", "Requests answered", (*RELEASE, "endpoint", "status"))
DURATION = Metric(
    "llmops_request_duration_seconds",
    "histogram",
    "From request to last byte, of requests that reached the model",
    (*RELEASE, "endpoint"),
    DURATION_BUCKETS,
)
FIRST_TOKEN = Metric(
    "llmops_time_to_first_token_seconds",
    "histogram",
    "From request to first token",
    RELEASE,
    FIRST_TOKEN_BUCKETS,
)
TOKENS = Metric("llmops_tokens_total", "counter", "Tokens read (in) and written (out)", (*RELEASE, "direction"))
FORMAT_VALID = Metric(
    "llmops_format_valid_total",
    "counter",
    "Answers checked against the product's schema",
    (*RELEASE, "valid"),
)
REFUSALS = Metric("llmops_refusals_total", "counter", "Answers that decline the request", RELEASE)
TRUNCATED = Metric("llmops_truncated_total", "counter", "Answers cut at a token or context limit", RELEASE)
GUARD_HITS = Metric("llmops_guard_hits_total", "counter", "Requests or answers a guard stopped", (*RELEASE, "stage"))
FEEDBACK = Metric("llmops_feedback_total", "counter", "Ratings users gave", (*RELEASE, "rating"))
QUALITY = Metric("llmops_quality_score", "gauge", "Share of good verdicts (form, ratings) among the last ones", RELEASE)
DRIFT = Metric("llmops_drift_score", "gauge", "Proven drift of one column, 0 where none is", (*RELEASE, "column"))
DRIFT_MEASURED = Metric("llmops_drift_timestamp_seconds", "gauge", "When drift was last measured", RELEASE)
MODEL_LOADED = Metric("llmops_model_loaded", "gauge", "1 where the model answers, else 0", RELEASE)
LAST_SUCCESS = Metric("llmops_last_success_timestamp_seconds", "gauge", "When a request last succeeded", RELEASE)

METRICS = (
    REQUESTS,
    DURATION,
    FIRST_TOKEN,
    TOKENS,
    FORMAT_VALID,
    REFUSALS,
    TRUNCATED,
    GUARD_HITS,
    FEEDBACK,
    QUALITY,
    DRIFT,
    DRIFT_MEASURED,
    MODEL_LOADED,
    LAST_SUCCESS,
)

BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def error_ratio(window: str) -> str:
    """The name under which the rules record the share of failed requests over one window."""
    return f"llmops:error_ratio:rate{window}"


def known_series() -> frozenset[str]:
    """Every series name that a rule or a dashboard may ask for."""
    exported = {series for metric in METRICS for series in metric.series}
    return frozenset(exported | {error_ratio(window) for window in BURN_WINDOWS})
