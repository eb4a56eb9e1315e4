"""One product on the bench: its recipe, the store, and what every step needs to build, judge and consume artifacts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmops_assets.gates import Metric, Verdict, record_verdict, require_passed
from llmops_assets.pipeline import graph
from llmops_assets.project import Project
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore

INTERMEDIATE = ("sft_adapter", "merged_model")
"""What `save_intermediate: false` drops once the chain is green; dpo_model stays, it is the trained model."""
REPORT = "eval_report.json"
"""Where an evaluation's metrics stand within its content, so that its digest holds them."""


@dataclass(frozen=True)
class Made:
    """A finished step: the artifact, the verdict on it, and what a person wants to see of it."""

    artifact: Artifact
    verdict: Verdict
    recipe: Recipe

    @property
    def summary(self) -> str:
        """One line for logs: what came out, how long it took or that it was there already."""
        took = "cached" if self.artifact.cached else f"{self.artifact.duration_s:.1f} s"
        colour = "green" if self.verdict.passed else "RED"
        return f"{self.artifact.asset}[{self.artifact.product}] {self.artifact.digest[:12]} {took}, gates {colour}"


@dataclass(frozen=True)
class Workshop:
    """What a step works with.

    Attributes:
        project: where things are.
        recipe: the product.
        report: called with one line a few seconds apart while something slow runs.
        override: a reason for passing red gates upstream, recorded; empty: gates hold.
    """

    project: Project
    recipe: Recipe
    report: Callable[[str], None]
    override: str = ""
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def product(self) -> str:
        """The partition key."""
        return self.recipe.name

    @property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        return self.project.store

    @property
    def raw(self) -> Path:
        """What users and collectors dropped for this product."""
        return self.project.data / "raw" / self.product

    @property
    def cases(self) -> Path:
        """The frozen evaluation files of this product."""
        return self.project.data / "eval" / self.product

    @property
    def cache(self) -> Path:
        """Base models in the form that training wants."""
        return self.project.home / "cache"

    def drop_intermediate(self) -> None:
        """Frees the disk of what only later training steps read; the bundle and what serves stay."""
        for asset in INTERMEDIATE:
            artifact = self.store.find(asset, self.product)
            if artifact is not None and not artifact.dropped:
                self.store.drop_files(artifact)

    def need(self, asset: str) -> Artifact:
        """The newest artifact of an asset, read back and compared, let through only by a green verdict on it.

        Raises:
            StoreError: there is none yet.
            ArtifactCorruptError: it is not what was written.
            GateError: its gates are red, or the verdict is another's.
        """
        artifact = self.store.verify(self.store.latest(asset, self.product))
        gates = graph.gates_of(asset, self.recipe)
        return require_passed(artifact, gates, metrics=measured(artifact), override=self.override)

    def build(
        self, asset: str, *, inputs: Mapping[str, str], settings: Any, make: Callable[[Path], dict[str, Any]]
    ) -> Made:
        """Builds or finds an artifact, judges it and writes the verdict beside it."""
        artifact = self.store.build(
            asset,
            self.product,
            inputs=inputs,
            settings=settings,
            code_version=graph.BY_NAME[asset].code_version,
            make=make,
        )
        verdict = record_verdict(artifact, measured(artifact), graph.gates_of(asset, self.recipe))
        made = Made(artifact, verdict, self.recipe)
        self.report(made.summary)
        return made


def measured(artifact: Artifact) -> dict[str, Metric]:
    """What is judged: the metrics of the manifest, those of an evaluation from its report, which its digest holds."""
    found = dict(artifact.metadata["metrics"])
    if artifact.asset == "eval_report" and artifact.file(REPORT).exists():
        found |= atomic.read_json(artifact.file(REPORT))["metrics"]
    return {name: Metric(**value) for name, value in found.items()}


def metadata(metrics: Mapping[str, Metric | float | int | bool | None], **shown: Any) -> dict[str, Any]:
    """The metadata of an artifact: metrics to be judged, and whatever else is worth showing, as it will be read back."""
    full = {name: value if isinstance(value, Metric) else _metric(value) for name, value in metrics.items()}
    return {
        "metrics": {name: asdict(metric) for name, metric in full.items()},
        "shown": json.loads(atomic.to_json(shown)),
    }


def _metric(value: float | int | bool | None) -> Metric:
    return Metric(None if value is None else float(value))


def digests(*artifacts: Artifact) -> dict[str, str]:
    """Inputs by asset name, for the key of what is made from them."""
    return {artifact.asset: artifact.digest for artifact in artifacts}


def file_digests(files: list[Path], root: Path) -> dict[str, str]:
    """Inputs that lie outside the store, by relative path."""
    return {path.relative_to(root).as_posix(): atomic.sha256_file(path) for path in files}
