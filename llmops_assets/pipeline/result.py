"""pipeline_result.json: what a run did, stage by stage, in the brief's words. Written also when it fails."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact


@dataclass
class StageResult:
    """One stage: its assets' durations added up, its metrics merged."""

    name: str
    success: bool = True
    duration_seconds: float = 0.0
    artifacts: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class StepOutcome:
    """How one asset of a run ended."""

    asset: str
    success: bool
    duration_seconds: float
    error: str = ""


FINAL = {
    "training_model_path": ("dpo_model", "model"),
    "deployment_gguf_path": ("gguf_model", "model.gguf"),
    "productization_package_path": ("product_bundle", "archive"),
}


def pipeline_result(shop: Workshop, outcomes: list[StepOutcome], total_seconds: float) -> dict[str, Any]:
    """The brief's PipelineResult as a dict.

    Args:
        shop: the product.
        outcomes: the assets that ran or failed, in order; what was not reached is absent.
        total_seconds: wall clock of the run.
    """
    stages: dict[str, StageResult] = {}
    for outcome in outcomes:
        stage = stages.setdefault(graph.BY_NAME[outcome.asset].stage, StageResult(graph.BY_NAME[outcome.asset].stage))
        _add(stage, shop, outcome)
    errors = [stage.error for stage in stages.values() if stage.error]
    return {
        "pipeline_id": shop.recipe.pipeline_id,
        "product": shop.product,
        "success": not errors and bool(stages),
        "stages_completed": [name for name in graph.STAGES if name in stages and stages[name].success],
        "total_duration_seconds": round(total_seconds, 3),
        "stage_results": {name: asdict(stages[name]) for name in graph.STAGES if name in stages},
        "final_artifacts": _final(shop) if not errors else {},
        "errors": errors,
    }


def _add(stage: StageResult, shop: Workshop, outcome: StepOutcome) -> None:
    stage.duration_seconds = round(stage.duration_seconds + max(outcome.duration_seconds, 0.001), 3)
    if not outcome.success:
        stage.success = False
        stage.error = stage.error or f"{outcome.asset}: {outcome.error}"
    artifact = _found(shop, outcome.asset)
    if artifact is not None:
        stage.artifacts[outcome.asset] = artifact.location
        stage.metrics.update({name: metric["value"] for name, metric in artifact.metadata["metrics"].items()})


def _found(shop: Workshop, asset: str) -> Artifact | None:
    """The newest artifact; None also where it is damaged, which the step that met it has said already."""
    try:
        return shop.store.find(asset, shop.product)
    except StoreError:
        return None


def _final(shop: Workshop) -> dict[str, str]:
    found = {}
    for key, (asset, file) in FINAL.items():
        artifact = _found(shop, asset)
        if artifact is not None and not artifact.dropped:
            name = artifact.metadata["shown"].get("archive", file) if file == "archive" else file
            found[key] = f"{artifact.location}/{name}"
    return found


def write_result(paths: Sequence[Path], result: dict[str, Any]) -> None:
    """Writes the result to each place, whole or not at all.

    Raises:
        StoreError: the disk takes no more; not after a failure, whose own reason matters more.
    """
    for path in paths:
        try:
            atomic.write_json(path, result)
        except StoreError:
            if result["success"]:
                raise
