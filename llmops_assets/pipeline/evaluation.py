"""Stage 3: the GGUF that ships, judged through the serving stack."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets.errors import GateError
from llmops_assets.evaluation.case_rows import CASES
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.evaluation.stage import GATES_PLOT, EvaluationJob
from llmops_assets.gates import Metric
from llmops_assets.pipeline.deployed import ABOUT, deployments, version_of, withdrawn
from llmops_assets.pipeline.lineage import lineage_of
from llmops_assets.pipeline.overridden import report_page
from llmops_assets.pipeline.serving_form import parameters
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.processes import run_stage
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.storage.manifests import read_manifest
from llmops_assets.training.base_model import EMBEDDED, embedded_gguf


def eval_report(shop: Workshop) -> Made:
    """Scores the file that ships, with its guard, and writes the report.

    Raises:
        GateError: the dataset was made of other cases than lie in the data folder now.
    """
    gguf, guard, cases = shop.need("gguf_model"), shop.need("guard_model"), shop.need("eval_dataset")
    recipe, grounds = shop.recipe, shop.grounds()
    sha256 = str(gguf.metadata["shown"]["sha256"])
    before = _deployed_before(shop, sha256, guard.digest)
    if grounds["cases"] != cases.digest:
        raise GateError(
            f"expected eval_dataset {cases.digest[:12]} of {shop.product} to be made of the files in {shop.cases}, it was "
            "made of others; materialise eval_dataset again"
        )

    def make(work: Path) -> dict[str, Any]:
        lineage = lineage_of(shop, gguf) if recipe.evaluation.parity_cases else Lineage()
        job = EvaluationJob(
            product=shop.product,
            version=recipe.product.version,
            task=recipe.task,
            gguf=str(gguf.file("model.gguf")),
            gguf_sha256=sha256,
            quantization=gguf.metadata["shown"]["quantization"],
            cases=str(cases.path),
            guard=str(guard.path),
            answers=str(shop.project.home / "answers" / f"{shop.product}.jsonl"),
            base_gguf=_base_gguf(recipe.training.base_model),
            parameters=parameters(recipe),
            gates=[asdict(gate) for gate in recipe.evaluation_gates()],
            config=recipe.evaluation.model_dump(mode="json"),
            parallel=recipe.parallel_evaluation,
            grounds=grounds,
            labels=_labels(shop),
            lineage=asdict(lineage),
            deployed=f"{shop.product} {version_of(before)}, which is deployed" if before else "",
            deployed_cases=str(_cases_of(shop, before)) if before else "",
        )
        found = run_stage("llmops_assets.evaluation.stage:evaluate", asdict(job), work, shop.report)
        metrics = {name: Metric(**value) for name, value in found["metrics"].items()}
        return metadata(
            metrics,
            gguf_sha256=job.gguf_sha256,
            regression=found["regression"] or {},
            report_markdown="eval_report.md",
            gates_plot=GATES_PLOT,
            judge_missing=_judge_missing(work),
        )

    settings = {
        "evaluation": recipe.evaluation.model_dump(mode="json"),
        "version": recipe.product.version,
        "task": recipe.task,
        "parameters": parameters(recipe),
    }
    inputs = {**digests(gguf, guard, cases), "scorers": grounds["scorers"], "deployed": before.digest if before else ""}
    made = shop.build("eval_report", inputs=inputs, settings=settings, make=make)
    report_page(shop.store, made.artifact)
    if made.artifact.metadata["shown"]["judge_missing"]:
        shop.store.forget(made.artifact)
    return made


def _judge_missing(work: Path) -> str:
    """Why the judge of the recipe did not answer; empty where it did, or none is named."""
    judge = atomic.read_json(work / "eval_report.json")["judge"]
    return str(judge["missing"]) if judge else ""


def _deployed_before(shop: Workshop, gguf_sha256: str, guard: str) -> Artifact | None:
    """The newest deployment of another model or guard that was not taken back, with its single cases: none where there is none.

    The one that serves this very pair is left out: a product is no reference for itself, and a second run finds what the
    first one found.
    """
    for found in deployments(shop):
        made_of = atomic.read_json(found.file(ABOUT))
        same = (made_of.get("gguf_sha256"), made_of.get("guard")) == (gguf_sha256, guard)
        if not same and not withdrawn(shop, found) and _cases_of(shop, found).exists():
            return found
    return None


def _cases_of(shop: Workshop, deployed: Artifact) -> Path:
    inputs = read_manifest(deployed.path, f"ollama_deployment of {shop.product}")["inputs"]
    return shop.store.load("eval_report", shop.product, inputs["eval_report"]).file(CASES)


def _labels(shop: Workshop) -> str:
    """Answers that people labelled as refusals or not; empty where the project has none."""
    path = shop.project.data / "eval" / "refusal_labels.jsonl"
    return str(path) if path.exists() else ""


def _base_gguf(base_model: str) -> str:
    """The base's own GGUF file, for the rows beside the product; empty where the base has none."""
    if base_model == EMBEDDED:
        return str(embedded_gguf())
    return base_model if base_model.endswith(".gguf") else ""
