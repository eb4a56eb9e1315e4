"""The exporter counts what happened, under the registered names only."""

import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring import metric_names as names
from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.drift import drift_report
from llmops_assets.monitoring.metrics import ProductMetrics, RequestOutcome, serve_metrics
from llmops_assets.monitoring.published_drift import export_published_drift, publish_drift
from llmops_assets.recipes.monitoring import DriftConfig
from llmops_assets_tests.monitoring.traffic import traffic

RELEASE = {"product": "TaskMaster", "version": "1.0.0"}
GOOD = RequestOutcome("/task", 200, 0.8, first_token_s=0.1, tokens_in=40, tokens_out=20, format_valid=True)
BAD = RequestOutcome("/task", 200, 0.8, format_valid=False)
CUT = RequestOutcome("/task", 200, 0.8, format_valid=True, truncated=True)
REFUSED = RequestOutcome("/task", 200, 0.2, refused=True)
FAILED = RequestOutcome("/task", 503, 9.0)
TIMED_OUT, GONE = RequestOutcome("/task", 504, 30.0), RequestOutcome("/task", 503, 0.01)
STOPPED = RequestOutcome("/task", 200, 0.02, stopped=True)
LIMITED = RequestOutcome("/task", 429, 0.001)


@pytest.fixture
def metrics() -> ProductMetrics:
    return ProductMetrics(CollectorRegistry(), clock=lambda: 1234.0)


def value(metrics: ProductMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {**RELEASE, **labels})


def record(metrics: ProductMetrics, *outcomes: RequestOutcome) -> None:
    for outcome in outcomes:
        metrics.record_request("TaskMaster", "1.0.0", outcome)


def test_requests_are_counted_by_status(metrics: ProductMetrics) -> None:
    record(metrics, GOOD, GOOD, FAILED, LIMITED)

    counted = {
        status: value(metrics, names.REQUESTS.name, endpoint="/task", status=status) for status in ("200", "503", "429")
    }
    assert counted == {"200": 2, "503": 1, "429": 1}


def test_a_request_the_model_never_saw_has_no_duration(metrics: ProductMetrics) -> None:
    record(metrics, GOOD, TIMED_OUT, GONE, LIMITED, STOPPED)

    assert value(metrics, f"{names.DURATION.name}_sum", endpoint="/task") == 0.8 + 30


def test_tokens_refusals_truncations_and_form_are_counted(metrics: ProductMetrics) -> None:
    record(metrics, GOOD, GOOD, BAD, CUT, REFUSED)

    assert value(metrics, names.TOKENS.name, direction="in") == 80
    assert value(metrics, names.TOKENS.name, direction="out") == 40
    assert value(metrics, names.REFUSALS.name) == 1
    assert value(metrics, names.TRUNCATED.name) == 1
    assert value(metrics, names.FORMAT_VALID.name, valid="true") == 3
    assert value(metrics, names.FORMAT_VALID.name, valid="false") == 1
    assert value(metrics, f"{names.FIRST_TOKEN.name}_count") == 2


@pytest.mark.parametrize(("outcome", "moved"), [(GOOD, True), (FAILED, False), (LIMITED, False)])
def test_only_a_success_moves_the_last_success(metrics: ProductMetrics, outcome: RequestOutcome, moved: bool) -> None:
    record(metrics, outcome)

    assert value(metrics, names.LAST_SUCCESS.name) == (1234.0 if moved else None)


@pytest.mark.parametrize(
    ("outcomes", "score"),
    [
        ([GOOD] * 19, None),
        ([GOOD] * 20, 1.0),
        ([GOOD] * 15 + [BAD] * 5, 0.75),
        ([GOOD] * 15 + [CUT] * 5, 0.75),
        ([BAD] * 100 + [GOOD] * 200, 1.0),
        ([REFUSED] * 50, None),
    ],
)
def test_quality_is_the_share_of_good_verdicts_of_late(
    metrics: ProductMetrics, outcomes: list[RequestOutcome], score: float | None
) -> None:
    record(metrics, *outcomes)

    assert value(metrics, names.QUALITY.name) == score


def test_a_rating_is_a_verdict(metrics: ProductMetrics) -> None:
    record(metrics, *[GOOD] * 18)
    metrics.record_feedback("TaskMaster", "1.0.0", positive=False)
    metrics.record_feedback("TaskMaster", "1.0.0", positive=False)

    assert value(metrics, names.QUALITY.name) == 0.9
    assert value(metrics, names.FEEDBACK.name, rating="negative") == 2


def test_two_products_share_one_exporter(metrics: ProductMetrics) -> None:
    record(metrics, GOOD)
    metrics.record_request("DocWriter", "2.0.0", FAILED)
    metrics.set_model_loaded("DocWriter", "2.0.0", loaded=False)
    metrics.set_model_loaded("TaskMaster", "1.0.0", loaded=True)
    metrics.record_guard_hit("TaskMaster", "1.0.0", "input")

    text = metrics.exposition().decode()
    assert 'llmops_model_loaded{product="DocWriter",version="2.0.0"} 0.0' in text
    assert 'llmops_model_loaded{product="TaskMaster",version="1.0.0"} 1.0' in text
    assert 'llmops_guard_hits_total{product="TaskMaster",stage="input",version="1.0.0"} 1.0' in text


def test_only_registered_names_are_exported(metrics: ProductMetrics, tmp_path: Path) -> None:
    export_published_drift(metrics.registry, tmp_path)
    record(metrics, GOOD, BAD, CUT, REFUSED, FAILED)

    exported = {sample.name for family in metrics.registry.collect() for sample in family.samples}

    assert exported <= names.known_series()


def test_every_registered_metric_is_exported(metrics: ProductMetrics, tmp_path: Path) -> None:
    export_published_drift(metrics.registry, tmp_path)

    families = {family.name for family in metrics.registry.collect()}

    assert families == {metric.name.removesuffix("_total") for metric in names.METRICS}


def test_published_drift_is_exported_until_the_next_report(metrics: ProductMetrics, tmp_path: Path) -> None:
    export_published_drift(metrics.registry, tmp_path)
    baseline = build_baseline(traffic(1, 300), product="TaskMaster", version="1.0.0", evaluation_metrics={})
    shifted = drift_report(baseline, traffic(2, 300, prompt_chars=120), DriftConfig())
    scarce = drift_report(baseline, traffic(2, 30), DriftConfig())

    publish_drift(tmp_path, shifted, measured_at=10.0)
    alarming = value(metrics, names.DRIFT.name, column="prompt_chars")
    publish_drift(tmp_path, scarce, measured_at=20.0)

    assert alarming is not None
    assert alarming > 0.3
    assert value(metrics, names.DRIFT.name, column="prompt_chars") is None
    assert value(metrics, names.DRIFT_MEASURED.name) == 20.0


def test_a_torn_drift_file_reads_as_unmeasured_and_hides_no_other(metrics: ProductMetrics, tmp_path: Path) -> None:
    export_published_drift(metrics.registry, tmp_path)
    (tmp_path / "DocWriter.json").write_text('{"product": "DocW')
    record(metrics, GOOD)

    text = metrics.exposition().decode()

    assert 'llmops_drift_timestamp_seconds{product="DocWriter",version="unreadable"} 0.0' in text
    assert "llmops_requests_total{" in text


def test_the_exporter_serves_and_frees_its_port(metrics: ProductMetrics) -> None:
    record(metrics, GOOD)
    with serve_metrics(metrics.registry, 0) as first:
        with urllib.request.urlopen(first.url) as answer:
            assert b"llmops_requests_total" in answer.read()
        with pytest.raises(MonitoringError, match=f"127.0.0.1:{first.port}.*metrics_port"):
            serve_metrics(metrics.registry, first.port)
    with serve_metrics(metrics.registry, first.port) as second:
        assert second.port == first.port
