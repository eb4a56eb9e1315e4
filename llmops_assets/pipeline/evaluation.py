"""Stage 3: the GGUF that ships, judged through the serving stack."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets.errors import GateError
from llmops_assets.evaluation.case_rows import CASES
from llmops_assets.evaluation.lineage import Lineage
from llmops_assets.evaluation.stage import EvaluationJob
from llmops_assets.gates import Metric
from llmops_assets.pipeline.lineage import lineage_of
from llmops_assets.pipeline.overridden import report_page
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.processes import run_stage
from llmops_assets.storage import atomic
from llmops_assets.storage.manifests import read_manifest
from llmops_assets.training.base_model import EMBEDDED, embedded_gguf


def eval_report(shop: Workshop) -> Made:
    """Scores the file that ships, with its guard, and writes the report.

    Raises:
        GateError: the dataset was made of other cases than lie in the data folder now.
    """
    gguf, guard, cases = shop.need("gguf_model"), shop.need("guard_model"), shop.need("eval_dataset")
    recipe, grounds = shop.recipe, shop.grounds()
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
            gguf_sha256=gguf.metadata["shown"]["sha256"],
            quantization=gguf.metadata["shown"]["quantization"],
            cases=str(cases.path),
            guard=str(guard.path),
            answers=str(shop.project.home / "answers" / f"{shop.product}.jsonl"),
            base_gguf=_base_gguf(recipe.training.base_model),
            reference_scores=deployed_scores(shop),
            gates=[asdict(gate) for gate in recipe.evaluation_gates()],
            config=recipe.evaluation.model_dump(mode="json"),
            parallel=recipe.parallel_evaluation,
            grounds=grounds,
            labels=_labels(shop),
            lineage=asdict(lineage),
            deployed_answers=deployed_answers(shop),
        )
        found = run_stage("llmops_assets.evaluation.stage:evaluate", asdict(job), work, shop.report)
        metrics = {name: Metric(**value) for name, value in found["metrics"].items()}
        return metadata(
            metrics,
            gguf_sha256=job.gguf_sha256,
            regression=found["regression"] or {},
            report_markdown="eval_report.md",
            judge_missing=_judge_missing(work),
        )

    settings = {
        "evaluation": recipe.evaluation.model_dump(mode="json"),
        "version": recipe.product.version,
        "task": recipe.task,
    }
    inputs = {**digests(gguf, guard, cases), "scorers": grounds["scorers"]}
    made = shop.build("eval_report", inputs=inputs, settings=settings, make=make)
    report_page(shop.store, made.artifact)
    if made.artifact.metadata["shown"]["judge_missing"]:
        shop.store.forget(made.artifact)
    return made


def _judge_missing(work: Path) -> str:
    """Why the judge of the recipe did not answer; empty where it did, or none is named."""
    judge = atomic.read_json(work / "eval_report.json")["judge"]
    return str(judge["missing"]) if judge else ""


def deployed_answers(shop: Workshop) -> dict[str, str]:
    """The deployed version's answers by case, where the recipe's judge compares with them."""
    judge = shop.recipe.evaluation.judge
    deployed = shop.store.find("ollama_deployment", shop.product)
    if judge is None or judge.against != "deployed" or deployed is None:
        return {}
    inputs = read_manifest(deployed.path, f"ollama_deployment of {shop.product}")["inputs"]
    rows = shop.store.load("eval_report", shop.product, inputs["eval_report"]).file(CASES)
    return {row["id"]: row["answered"] for row in atomic.read_jsonl(rows)} if rows.exists() else {}


def _labels(shop: Workshop) -> str:
    """Answers that people labelled as refusals or not; empty where the project has none."""
    path = shop.project.data / "eval" / "refusal_labels.jsonl"
    return str(path) if path.exists() else ""


def _base_gguf(base_model: str) -> str:
    """The base's own GGUF file, for the rows beside the product; empty where the base has none."""
    if base_model == EMBEDDED:
        return str(embedded_gguf())
    return base_model if base_model.endswith(".gguf") else ""


def deployed_scores(shop: Workshop) -> dict[str, float]:
    """The deployed version's scores by case; empty where nothing is deployed yet."""
    deployed = shop.store.find("ollama_deployment", shop.product)
    if deployed is None:
        return {}
    scores: dict[str, float] = atomic.read_json(deployed.file("scores.json"))
    return scores
