"""The exporter: one registry for all products, filled by the gateway, scraped by Prometheus.

`llmops_quality_score` is the share of good verdicts among the last 200 of a release. A verdict is a checked
form (valid and not cut) or a user's rating. With fewer than 20 there is no score: silence is not quality.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import HTTPServer
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring import metric_names as names

QUALITY_WINDOW = 200
QUALITY_MINIMUM = 20


@dataclass(frozen=True)
class RequestOutcome:
    """What the gateway knows of one request when it has been answered.

    `format_valid` is None where the product promises no form; `first_token_s` where nothing was generated. `stopped` by a
    guard before the model was asked.
    """

    endpoint: str
    status: int
    duration_s: float
    first_token_s: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    format_valid: bool | None = None
    refused: bool = False
    truncated: bool = False
    stopped: bool = False

    @property
    def reached_model(self) -> bool:
        """Whether its duration says something of the model: a quick 429 or 503 must not make the p95 look good."""
        return not self.stopped and not 400 <= self.status < 500 and self.status != 503


class ProductMetrics:
    """The metrics of every product in this process; all methods may be called from any thread."""

    def __init__(self, registry: CollectorRegistry | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """Registers every metric but drift, which another process measures (see `published_drift`)."""
        # Without this each counter and histogram exports a second series with its birth time.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry() if registry is None else registry
        self._clock = clock
        self._lock = threading.Lock()
        self._verdicts: defaultdict[tuple[str, str], deque[bool]] = defaultdict(lambda: deque(maxlen=QUALITY_WINDOW))
        self._requests = self._counter(names.REQUESTS)
        self._tokens = self._counter(names.TOKENS)
        self._format_valid = self._counter(names.FORMAT_VALID)
        self._refusals = self._counter(names.REFUSALS)
        self._truncated = self._counter(names.TRUNCATED)
        self._guard_hits = self._counter(names.GUARD_HITS)
        self._feedback = self._counter(names.FEEDBACK)
        self._duration = self._histogram(names.DURATION)
        self._first_token = self._histogram(names.FIRST_TOKEN)
        self._quality = self._gauge(names.QUALITY)
        self._model_loaded = self._gauge(names.MODEL_LOADED)
        self._last_success = self._gauge(names.LAST_SUCCESS)

    def _counter(self, metric: names.Metric) -> Counter:
        return Counter(metric.name, metric.documentation, metric.labels, registry=self.registry)

    def _gauge(self, metric: names.Metric) -> Gauge:
        return Gauge(metric.name, metric.documentation, metric.labels, registry=self.registry)

    def _histogram(self, metric: names.Metric) -> Histogram:
        return Histogram(
            metric.name, metric.documentation, metric.labels, buckets=metric.buckets, registry=self.registry
        )

    def record_request(self, product: str, version: str, outcome: RequestOutcome) -> None:
        """Counts one answered request."""
        release = (product, version)
        self._requests.labels(*release, outcome.endpoint, str(outcome.status)).inc()
        self._tokens.labels(*release, "in").inc(outcome.tokens_in)
        self._tokens.labels(*release, "out").inc(outcome.tokens_out)
        if outcome.reached_model:
            self._duration.labels(*release, outcome.endpoint).observe(outcome.duration_s)
        if outcome.first_token_s is not None:
            self._first_token.labels(*release).observe(outcome.first_token_s)
        if outcome.refused:
            self._refusals.labels(*release).inc()
        if outcome.truncated:
            self._truncated.labels(*release).inc()
        if outcome.format_valid is not None:
            self._format_valid.labels(*release, "true" if outcome.format_valid else "false").inc()
            self._judge(release, outcome.format_valid and not outcome.truncated)
        if outcome.status < 400:
            self._last_success.labels(*release).set(self._clock())

    def record_guard_hit(self, product: str, version: str, stage: str) -> None:
        """Counts a request (`input`) or an answer (`output`) that a guard stopped."""
        self._guard_hits.labels(product, version, stage).inc()

    def record_feedback(self, product: str, version: str, *, positive: bool) -> None:
        """Counts a user's rating, which is a verdict on quality too."""
        self._feedback.labels(product, version, "positive" if positive else "negative").inc()
        self._judge((product, version), positive)

    def set_model_loaded(self, product: str, version: str, *, loaded: bool) -> None:
        """Says whether the model answers now."""
        self._model_loaded.labels(product, version).set(loaded)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, for the gateway's own `/metrics`."""
        return generate_latest(self.registry)

    def _judge(self, release: tuple[str, str], good: bool) -> None:
        with self._lock:
            verdicts = self._verdicts[release]
            verdicts.append(good)
            if len(verdicts) >= QUALITY_MINIMUM:
                self._quality.labels(*release).set(sum(verdicts) / len(verdicts))


@dataclass(frozen=True)
class MetricsServer:
    """A running exporter."""

    server: HTTPServer
    thread: threading.Thread

    @property
    def port(self) -> int:
        """The port it really listens on."""
        return int(self.server.server_port)

    @property
    def url(self) -> str:
        """What Prometheus scrapes."""
        return f"http://{self.server.server_address[0]!s}:{self.port}/metrics"

    def __enter__(self) -> "MetricsServer":
        """Serves for as long as the block runs."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Stops serving."""
        self.close()

    def close(self) -> None:
        """Stops serving and frees the port."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def serve_metrics(registry: CollectorRegistry, port: int, host: str = "127.0.0.1") -> MetricsServer:
    """Serves a registry on a port of its own, beside the gateway; port 0 takes a free one.

    Raises:
        MonitoringError: the port is taken.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise MonitoringError(
            f"expected to serve metrics on {host}:{port}, got: {error.strerror}; set monitoring.metrics_port"
        ) from error
    return MetricsServer(server, thread)
