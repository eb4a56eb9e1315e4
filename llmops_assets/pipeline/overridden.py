"""What people let through although it was red: of an asset and all above it, and the report's page that says so."""

from pathlib import Path

from llmops_assets.evaluation import page
from llmops_assets.overrides import OverrideRecord
from llmops_assets.pipeline import graph
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore, verdict_file
from llmops_assets.verdicts import recorded_overrides

REPORT, PAGE = "eval_report.json", "eval_report.html"


def overrides_above(store: ArtifactStore, product: str, asset: str) -> tuple[OverrideRecord, ...]:
    """The overrides in the verdicts on the newest artifact of an asset and of all that it is made from, in the graph's order."""
    names = graph.with_all_above(asset)
    verdicts = (verdict_file(store.folder(name, product), store.newest(name, product)) for name in names)
    return tuple(record for verdict in verdicts for record in recorded_overrides(verdict))


def report_page(store: ArtifactStore, report: Artifact) -> Path:
    """The page of a report; where something was let through, one beside it that says so in red above the verdict."""
    records = overrides_above(store, report.product, report.asset)
    if not records:
        return report.file(PAGE)
    text = page.render(atomic.read_json(report.file(REPORT)), [record.line for record in records])
    return atomic.write_text(report.path.parent / f"{report.digest}.overridden.html", text)
