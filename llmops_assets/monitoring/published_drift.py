"""Drift scores on their way from the process that measures them to the one that exports them.

A drift run writes `<folder>/<product>.json`; the exporter reads the folder at each scrape. One example file:
{"product": "TaskMaster", "version": "1.4.0", "state": "ok", "measured_at": 1790000000.0,
 "scores": {"action": 0.0}}
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from llmops_assets.errors import StoreError
from llmops_assets.monitoring import metric_names as names
from llmops_assets.monitoring.drift import DriftReport
from llmops_assets.storage import atomic


def publish_drift(folder: Path, report: DriftReport, *, measured_at: float) -> Path:
    """Makes a report's scores the ones that are exported. Columns with too little data have none."""
    return atomic.write_json(
        folder / f"{report.product}.json",
        {
            "product": report.product,
            "version": report.version,
            "state": report.state,
            "measured_at": measured_at,
            "scores": report.scores,
        },
    )


@dataclass(frozen=True)
class PublishedDrift(Collector):
    """Exports what `publish_drift` wrote into a folder, all products."""

    folder: Path

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The two families without samples, so that registering reads no file."""
        yield from self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Reads every published file again."""
        scores, measured = self._families()
        for path in sorted(self.folder.glob("*.json")):
            try:
                published = atomic.read_json(path)
            except StoreError:
                # One torn file must not blind the whole exporter; age 0 makes DriftUnmeasured say so.
                measured.add_metric([path.stem, "unreadable"], 0.0)
                continue
            release = [published["product"], published["version"]]
            measured.add_metric(release, published["measured_at"])
            for column, score in published["scores"].items():
                scores.add_metric([*release, column], score)
        yield from (scores, measured)

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(names.DRIFT.name, names.DRIFT.documentation, labels=names.DRIFT.labels),
            GaugeMetricFamily(
                names.DRIFT_MEASURED.name,
                names.DRIFT_MEASURED.documentation,
                labels=names.DRIFT_MEASURED.labels,
            ),
        )


def export_published_drift(registry: CollectorRegistry, folder: Path) -> None:
    """Lets a registry export the drift of every product that publishes into `folder`."""
    registry.register(PublishedDrift(folder))
