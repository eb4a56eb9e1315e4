"""What people let through although it was red: of an asset and all above it, and the report's page that says so."""

from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.evaluation import page
from llmops_assets.overrides import OverrideRecord
from llmops_assets.pipeline import graph
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore
from llmops_assets.verdicts import GATE, recorded_overrides

REPORT, PAGE = "eval_report.json", "eval_report.html"


def overrides_above(store: ArtifactStore, product: str, asset: str) -> tuple[OverrideRecord, ...]:
    """The overrides in the verdicts on the newest artifact of an asset and of all that it is made from, in the graph's order."""
    verdicts = (_verdict(store, product, name) for name in graph.with_all_above(asset))
    return tuple(record for verdict in verdicts for record in recorded_overrides(verdict))


def _verdict(store: ArtifactStore, product: str, asset: str) -> Any:
    try:
        return store.said_of(asset, product, store.newest(asset, product), GATE)
    except StoreError:
        return None


def report_page(store: ArtifactStore, report: Artifact) -> Path:
    """The page of a report; where something was let through, one beside it that says so in red above the verdict."""
    records = overrides_above(store, report.product, report.asset)
    if not records:
        return report.file(PAGE)
    text = page.render(atomic.read_json(report.file(REPORT)), [record.line for record in records])
    return atomic.write_text(report.folder.parent / f"{report.digest}.overridden.html", text)
