"""The evaluation's step with a judge in the recipe: a tiny product, evaluated without any training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.export.gguf import write_gguf
from llmops_assets.pipeline import data, graph, training
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.evaluation import eval_report
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.recipes.evaluation import JudgeConfig
from llmops_assets.storage.atomic import read_json, sha256_file, write_json
from llmops_assets_tests.complaints import workshop
from llmops_assets_tests.evaluation.judge.scripted_judge import fair, scripted_judge
from llmops_assets_tests.tiny_project import TinyProject


@pytest.fixture
def shop(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Data, guard and a file to judge: the base model itself."""
    found = workshop(tiny_project, monkeypatch)
    for step in (data.curated_conversations, data.eval_dataset, data.sft_dataset, training.guard_model):
        step(found)
    put(found, "gguf_model", lambda work: write_gguf(tiny_project.base, work / "model.gguf", "tiny"))
    return found


def put(shop: Workshop, asset: str, make: Any, inputs: dict[str, str] | None = None, version: str = "") -> None:
    """An artifact made by hand, green by all its gates."""

    def made(work: Path) -> dict[str, Any]:
        make(work)
        gates = graph.gates_of(asset, shop.recipe)
        green = {gate.metric: gate.minimum if gate.minimum is not None else gate.maximum for gate in gates}
        digest = sha256_file(work / "model.gguf") if (work / "model.gguf").exists() else ""
        return metadata(green, sha256=digest, quantization="F16", version=version)

    assert shop.build(asset, inputs=inputs or {}, settings={"version": version}, make=made).verdict.passed


def with_judge(shop: Workshop, judge: JudgeConfig, lines: list[str]) -> Workshop:
    evaluation = shop.recipe.evaluation.model_copy(update={"judge": judge, "baseline_cases": 0})
    return replace(shop, recipe=shop.recipe.model_copy(update={"evaluation": evaluation}), report=lines.append)


def evaluated(shop: Workshop) -> tuple[bool, dict[str, Any]]:
    """Whether the report was there already, and the judge's part of it."""
    made = eval_report(shop)
    return made.artifact.cached, read_json(made.artifact.file("eval_report.json"))["judge"]


def test_a_judge_that_was_not_there_is_asked_again_and_one_that_was_heard_is_not(shop: Workshop) -> None:
    lines: list[str] = []
    with scripted_judge(fair) as judge:
        config = judge.config("ollama", cases=4)
    at_work = with_judge(shop, config, lines)
    assert [evaluated(at_work)[1]["n"], evaluated(at_work)] == [0, (False, evaluated(at_work)[1])]
    assert any("goes on without the judge: expected an answer of scripted" in line for line in lines)

    with scripted_judge(fair, port=int(config.base_url.rsplit(":", 1)[1])):
        cached, heard = evaluated(at_work)
    assert (cached, heard["n"], heard["missing"]) == (False, 4, "")
    assert evaluated(at_work) == (True, heard)


def test_the_deployed_version_s_answers_are_read_where_the_judge_compares_with_them(shop: Workshop) -> None:
    with scripted_judge(fair) as judge:
        at_work = with_judge(shop, judge.config(cases=4, against="deployed"), [])
        _, first = evaluated(at_work)
        assert (first["absent"], first["position"]["n"]) == (4, 0)

        deploy(shop, "1.0.0", "another guard")
        later = with_judge(shop, judge.config(cases=5, against="deployed"), [])
        assert evaluated(later)[1]["same"] == 5


def deploy(shop: Workshop, version: str, guard: str) -> None:
    """Calls the newest report deployed, as that of a file with this guard."""
    report = shop.store.latest("eval_report", shop.product)
    about = {"gguf_sha256": read_json(report.file("eval_report.json"))["gguf_sha256"], "guard": guard}
    put(
        shop,
        "ollama_deployment",
        lambda work: write_json(work / "deployment.json", {**about, "version": version}),
        {"eval_report": report.digest},
        version,
    )


def against(shop: Workshop) -> str:
    """Who the product is compared with now."""
    made = eval_report(shop)
    found = read_json(made.artifact.file("eval_report.json"))["regression"]
    return str(found["against"]) if found else ""


def test_a_product_is_held_against_the_newest_deployment_that_was_not_taken_back_and_is_not_itself(
    shop: Workshop,
) -> None:
    assert against(shop) == ""
    deploy(shop, "1.0.0", "an older guard")
    deploy(shop, "1.1.0", "a newer guard")
    assert against(shop) == "TaskMaster 1.1.0, which is deployed"
    ReleaseRecord(rollout_state(shop) / RECORD).withdraw("1.1.0", "answers slowly")
    assert against(shop) == "TaskMaster 1.0.0, which is deployed"
    deploy(shop, "1.2.0", shop.store.latest("guard_model", shop.product).digest)
    assert against(shop) == "TaskMaster 1.0.0, which is deployed"
    assert eval_report(shop).artifact.cached
