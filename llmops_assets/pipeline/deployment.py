"""Stage 4b: the judged file behind Ollama's API, promoted only when it answers right."""

from pathlib import Path
from typing import Any

from llmops_assets.deployment.rollout import roll_out
from llmops_assets.deployment.smoke import check_answer
from llmops_assets.errors import GateError
from llmops_assets.pipeline import servers
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.modelfile import Modelfile
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact


def ollama_deployment(shop: Workshop) -> Made:
    """Rolls the judged GGUF out; what served before keeps serving until its replacement has answered."""
    report, gguf, guard = shop.need("eval_report"), shop.need("gguf_model"), shop.need("guard_model")
    _require_same_file(shop, report, gguf)
    place = servers.connection(shop)
    shop.report(f"server {place.url}: {place.reason}")
    config = shop.recipe.deployment

    def make(work: Path) -> dict[str, Any]:
        modelfile = _modelfile(shop)
        sha256 = gguf.metadata["shown"]["sha256"]
        done = roll_out(
            place.url,
            model_name=config.model_name,
            version=shop.recipe.product.version,
            gguf=gguf.file("model.gguf"),
            gguf_sha256=sha256,
            modelfile=modelfile,
            config=config,
            check_answer=check_answer,
            state=shop.project.home / "rollouts" / shop.product,
            report=shop.report,
        )
        atomic.write_text(work / "Modelfile", modelfile.text())
        atomic.write_json(work / "rollout.json", done.to_json())
        atomic.write_json(work / "scores.json", atomic.read_json(report.file("scores.json")))
        metrics = {"production_answers": 1, "digest_matches": done.digest_matches, "smoke_passed": done.smoke_passed}
        return metadata(metrics, production=f"{config.model_name}:production", server=place.kind, steps=done.to_json()["steps"])

    settings = {"deployment": config.model_dump(mode="json"), "version": shop.recipe.product.version, "server": place.url}
    return shop.build("ollama_deployment", inputs=digests(report, gguf, guard), settings=settings, make=make)


def _require_same_file(shop: Workshop, report: Artifact, gguf: Artifact) -> None:
    judged = report.metadata["shown"]["gguf_digest"]
    if judged != gguf.digest:
        raise GateError(
            f"the evaluation of {shop.product} judged the file {judged[:12]}, the newest is {gguf.digest[:12]}; "
            "materialise eval_report again"
        )


def _modelfile(shop: Workshop) -> Modelfile:
    config = shop.recipe.deployment
    return Modelfile(
        from_="./model.gguf",
        template=GO_TEMPLATE,
        parameters={"temperature": config.temperature, "num_ctx": config.num_ctx, "num_predict": config.num_predict},
        stops=(*STOPS, *config.stop),
        license=(shop.recipe.product.license_terms.name,),
    )
