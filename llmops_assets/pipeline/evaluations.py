"""Which evaluation of a product a name means: a released version, the beginning of a digest, deployed, latest or previous."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from llmops_assets.errors import StoreError
from llmops_assets.evaluation.case_rows import CASES
from llmops_assets.evaluation.sides import Case, Side, cases_of_rows, cases_of_scores
from llmops_assets.pipeline.deployed import DEPLOYMENT, deployments, newest_first, serving, version_of
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.storage.manifests import MANIFEST, read_manifest

REPORT = "eval_report"


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one product."""

    shop: Workshop

    @cached_property
    def digests(self) -> list[str]:
        """Every report, the newest first."""
        return newest_first(self.shop, REPORT)

    @cached_property
    def released(self) -> dict[str, str]:
        """The report behind every version that was deployed, the newest deployment first."""
        found: dict[str, str] = {}
        for deployed in deployments(self.shop):
            inputs = read_manifest(deployed.path, f"{DEPLOYMENT} of {self.shop.product}")["inputs"]
            found.setdefault(version_of(deployed), str(inputs[REPORT]))
        return found

    def named(self, name: str) -> Artifact:
        """The report that a name means.

        Args:
            name: `latest`, `previous` (the one before it), `deployed`, a released version with or without the model's
                name before it (`1.4.0`, `taskmaster:1.4.0`), or the beginning of a digest.

        Raises:
            StoreError: it means none, or more than one.
        """
        store, product = self.shop.store, self.shop.product
        places: dict[str, Callable[[], str]] = {
            "latest": lambda: self.digests[0] if self.digests else "",
            "previous": lambda: self.digests[1] if len(self.digests) > 1 else "",
            "deployed": lambda: self.released.get(self._serving, ""),
        }
        if name in places:
            digest = places[name]()
        else:
            hits = [known for known in self.digests if name and known.startswith(name)]
            version = name.removeprefix(f"{self.shop.recipe.deployment.model_name}:")
            digest = hits[0] if len(hits) == 1 else "" if hits else self.released.get(version, "")
        if not digest:
            raise StoreError(f"expected one evaluation of {product}, got {name!r}; {self._listed()}")
        return store.load(REPORT, product, digest)

    @property
    def _serving(self) -> str:
        """The version deployed last that was not taken back; empty where there is none."""
        found = serving(self.shop)
        return version_of(found) if found else ""

    def _listed(self) -> str:
        if not self.digests:
            return f"there is none yet: run `llmops run {self.shop.product} --stage evaluation`"
        found = [f"{word} = {digest[:12]}" for word, digest in zip(("latest", "previous"), self.digests, strict=False)]
        found += [f"deployed = {self._serving}"] if self._serving else []
        found += [f"{version} = {digest[:12]}" for version, digest in self.released.items()]
        return f"there are: {', '.join([*found, *(digest[:12] for digest in self.digests[2:])])}"


def sides(shop: Workshop, name_a: str, name_b: str) -> tuple[Side, Side]:
    """Both sides of a comparison.

    Raises:
        StoreError: a name means no evaluation, see `Evaluations.named`.
    """
    known = Evaluations(shop)
    a, b = known.named(name_a), known.named(name_b)
    rows_a, rows_b = _rows(a), _rows(b)
    return _side("A", name_a, a, rows_a, rows_b or {}), _side("B", name_b, b, rows_b, rows_a or {})


def _rows(report: Artifact) -> dict[str, Case] | None:
    """The single cases; None where the report was made before they were kept."""
    path = report.file(CASES)
    return cases_of_rows(atomic.read_jsonl(path)) if path.exists() else None


def _side(letter: str, name: str, found: Artifact, rows: dict[str, Case] | None, other: dict[str, Case]) -> Side:
    report = atomic.read_json(found.file("eval_report.json"))
    made = datetime.fromtimestamp((found.path / MANIFEST).stat().st_mtime, UTC).isoformat(timespec="seconds")
    head = {key: report[key] for key in ("version", "quantization", "gguf_sha256", "passed")}
    cases = cases_of_scores(atomic.read_json(found.file("scores.json")), other) if rows is None else rows
    whole = rows is not None
    return Side(letter, {"name": name, "report": found.digest, "made": made, **head}, report, cases, whole)
