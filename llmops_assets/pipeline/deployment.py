"""Stage 4b: the judged file behind Ollama's API, promoted only when it answers right."""

from datetime import datetime
from pathlib import Path
from typing import Any

from llmops_assets.deployment.connection import Connection
from llmops_assets.deployment.health import Patience, serving_problem
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD, roll_back
from llmops_assets.deployment.rollout import Rollout, roll_out
from llmops_assets.deployment.smoke import check_answer
from llmops_assets.gates import Metric
from llmops_assets.pipeline import servers
from llmops_assets.pipeline.deployed import ABOUT, rollout_state
from llmops_assets.pipeline.serving_form import modelfile
from llmops_assets.pipeline.workshop import Made, Workshop, digests, metadata
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact


def ollama_deployment(shop: Workshop) -> Made:
    """Rolls the judged GGUF out; what served before keeps serving until its replacement has answered.

    A deployment that was made before counts as made, but production has to answer all the same: if the server has lost the
    model, it is rolled out again.
    """
    report, gguf, guard = shop.need("eval_report"), shop.need("gguf_model"), shop.need("guard_model")
    place = servers.connection(shop)
    shop.report(f"server {place.url}: {place.reason}")

    settings = {"deployment": shop.recipe.deployment.model_dump(mode="json"), "version": shop.recipe.product.version}

    def make(work: Path) -> dict[str, Any]:
        done = _deploy(shop, place, gguf)
        atomic.write_text(work / "Modelfile", modelfile(shop.recipe).text)
        atomic.write_json(work / "scores.json", atomic.read_json(report.file("scores.json")))
        # Without it two releases with equal scores would be one artifact, for an artifact is what its files say.
        made_of = {"gguf_sha256": gguf.metadata["shown"]["sha256"], "guard": guard.digest}
        atomic.write_json(work / ABOUT, {**settings, **made_of})
        return _shown(shop, place, done)

    made = shop.build("ollama_deployment", inputs=digests(report, gguf, guard), settings=settings, make=make)
    if made.artifact.cached:
        _keep_serving(shop, place, gguf)
    return made


def _keep_serving(shop: Workshop, place: Connection, gguf: Artifact) -> None:
    config = shop.recipe.deployment
    production, sha256 = f"{config.model_name}:production", gguf.metadata["shown"]["sha256"]
    problem = serving_problem(ModelServer(place.url), production, sha256, Patience.of(config))
    if problem:
        shop.report(f"deployed before, but {problem}; rolling out again")
        _deploy(shop, place, gguf)


def _deploy(shop: Workshop, place: Connection, gguf: Artifact) -> Rollout:
    return roll_out(
        place.url,
        model_name=shop.recipe.deployment.model_name,
        version=shop.recipe.product.version,
        gguf=gguf.file("model.gguf"),
        gguf_sha256=gguf.metadata["shown"]["sha256"],
        modelfile=modelfile(shop.recipe),
        config=shop.recipe.deployment,
        check_answer=check_answer,
        state=rollout_state(shop),
        report=shop.report,
    )


def roll_back_product(shop: Workshop, reason: str, released_since: datetime | None = None) -> str:
    """Takes the release in production back and returns the version that serves now; see `roll_back`.

    Args:
        shop: the product.
        reason: recorded.
        released_since: where nothing was released at that time or later, production stays as it is.
    """
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    newest = record.in_production()[-1:]
    if released_since is not None and not any(_is_younger(record, version, released_since) for version in newest):
        shop.report(f"{shop.product}: nothing was released since {released_since.isoformat()}, so production stays")
        return "".join(newest)
    return roll_back(
        servers.connection(shop).url,
        model_name=shop.recipe.deployment.model_name,
        config=shop.recipe.deployment,
        state=rollout_state(shop),
        reason=reason,
        report=shop.report,
    )


def _is_younger(record: ReleaseRecord, version: str, moment: datetime) -> bool:
    return datetime.fromisoformat(record.all_released()[version]) >= moment


def _shown(shop: Workshop, place: Connection, done: Rollout) -> dict[str, Any]:
    tests = len(shop.recipe.deployment.smoke_tests)
    smoke = Metric(done.smoke_passed, tests, note="" if tests else "the recipe has no deployment.smoke_tests")
    metrics: dict[str, Metric | float | int | bool | None] = {
        "production_answers": 1,
        "digest_matches": done.digest_matches,
        "smoke_passed": smoke,
    }
    return metadata(
        metrics,
        production=f"{shop.recipe.deployment.model_name}:production",
        version=shop.recipe.product.version,
        previous=done.previous,
        server=place.kind,
        url=place.url,
        reason=place.reason,
        steps=done.to_json()["steps"],
    )
