"""One product on the bench: its recipe, the store, and what every step needs to build, judge and consume artifacts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmops_assets.gates import Metric, Verdict
from llmops_assets.overrides import Override, OverrideRecord
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.grounds import grounds_now
from llmops_assets.pipeline.overridden import REPORT, overrides_above, report_page
from llmops_assets.project import Project
from llmops_assets.recipes.loading import find_recipe, load_recipes
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore
from llmops_assets.storage.leases import latest_leased
from llmops_assets.verdicts import Findings, Standing, record_verdict, require_passed, stand

INTERMEDIATE = ("sft_adapter", "merged_model")
"""What `save_intermediate: false` drops once the chain is green; dpo_model stays, it is the trained model."""


@dataclass(frozen=True)
class Made:
    """A finished step: the artifact, the verdict on it, what was let through on the way to it, and whose it is."""

    artifact: Artifact
    verdict: Verdict
    overrides: tuple[OverrideRecord, ...]
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
        override: who passes red gates upstream in this run, and why; recorded in the verdicts. None: gates hold.
    """

    project: Project
    recipe: Recipe
    report: Callable[[str], None]
    override: Override | None = None
    state: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def named(cls, project: Project, product: str, report: Callable[[str], None]) -> "Workshop":
        """The workshop of a product by name, whatever its capitals.

        Raises:
            RecipeError: no recipe has that name, or its recipe cannot be read.
        """
        return cls(project, find_recipe(load_recipes(project.recipes), product), report)

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
        return raw_folder(self.project, self.recipe)

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
        """The newest artifact of an asset, leased, read back and compared, let through only by a green verdict on it.

        Raises:
            StoreError: there is none yet.
            ArtifactCorruptError: it is not what was written.
            GateError: its gates are red, or the verdict on it counts for nothing, see `require_passed`.
        """
        standing = self.standing(latest_leased(self.store, asset, self.product))
        artifact = require_passed(standing, self.override)
        if asset == "eval_report" and not standing.verdict.passed:
            report_page(self.store, artifact)
        return artifact

    def standing(self, artifact: Artifact) -> Standing:
        """What the verdict on an artifact is worth now, judged by what was read back.

        Raises:
            ArtifactCorruptError: it is not what was written.
        """
        found = findings(self.store.verify(artifact))
        now = self.grounds() if artifact.asset == "eval_report" else None
        return stand(artifact, found, graph.gates_of(artifact.asset, self.recipe), now)

    def grounds(self) -> dict[str, str]:
        """What an evaluation rests on now."""
        return grounds_now(self.store, self.recipe, self.project.data)

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
        verdict = record_verdict(artifact, findings(artifact), graph.gates_of(asset, self.recipe))
        made = Made(artifact, verdict, overrides_above(self.store, self.product, asset), self.recipe)
        self.report(made.summary)
        return made


def raw_folder(project: Project, recipe: Recipe) -> Path:
    """Where a product's raw files lie: the folder that its recipe names, or the one of its name; of a commit its own."""
    given = recipe.data.raw_data_path
    root = project.data_version.parent if project.data_version else project.root
    return root / given if given else project.data / "raw" / recipe.name


def findings(artifact: Artifact) -> Findings:
    """What is judged: the metrics of the manifest; those of an evaluation, and its grounds, from the report that its digest holds."""
    report = atomic.read_json(artifact.file(REPORT)) if artifact.asset == "eval_report" else {}
    found = {**artifact.metadata["metrics"], **report.get("metrics", {})}
    return Findings({name: Metric(**value) for name, value in found.items()}, report.get("grounds", {}))


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
    """Inputs that lie outside the store, by their path from `root`, or whole where they lie elsewhere."""
    return {
        (path.relative_to(root) if path.is_relative_to(root) else path).as_posix(): atomic.sha256_file(path)
        for path in files
    }
