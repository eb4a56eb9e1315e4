"""Attacks on the gates: whatever is changed after an evaluation, by hand or by a plugin, nothing is deployed, sold or served.

What is attacked is real: store, recipe, evaluation dataset, steps and processes; the model is a few bytes.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_assets import verdicts
from llmops_assets.deployment.releases import Release, ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.errors import ArtifactCorruptError, EvaluationError, GateError, StoreError
from llmops_assets.evaluation.scorer_code import PACKAGE
from llmops_assets.evaluation.stage import EvaluationJob
from llmops_assets.overrides import Override
from llmops_assets.pipeline import graph, servers
from llmops_assets.pipeline.data import eval_dataset
from llmops_assets.pipeline.deployed import judged_guard, rollout_state, serving
from llmops_assets.pipeline.deployment import ollama_deployment
from llmops_assets.pipeline.evaluation import eval_report
from llmops_assets.pipeline.overridden import report_page
from llmops_assets.pipeline.productization import product_catalog
from llmops_assets.pipeline.workshop import Workshop, findings, metadata
from llmops_assets.processes import run_stage
from llmops_assets.project import Project
from llmops_assets.status import product_status
from llmops_assets.storage.atomic import read_json, sha256_bytes, write_json
from llmops_assets_tests.deployment.test_connection import free_url
from llmops_assets_tests.judged_product import put, put_grounds, put_report

ANA = Override(name="Ana", reason="a preview for <one> customer")
Attack = Callable[[Workshop], Workshop]


def workshop(root: Path) -> Workshop:
    """One that may start no server: where an attack gets through, nothing is left running."""
    recipe = graph.example_recipe()
    place = {"ollama_url": free_url(), "embedded_server": False}
    deployment = recipe.deployment.model_copy(update=place)
    return Workshop(Project(root), recipe.model_copy(update={"deployment": deployment}), lambda _: None)


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """By whether its report is green: a project whose model was evaluated. To be copied only."""
    made = {green: tmp_path_factory.mktemp("judged") / "project" for green in (True, False)}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
            patch.delenv(name, raising=False)
        put_grounds(workshop(made[True]))
        shutil.copytree(made[True], made[False])
        for green, root in made.items():
            put_report(workshop(root), green=green)
    return made


@pytest.fixture
def shop(judged: dict[bool, Path], tmp_path: Path) -> Workshop:
    """A product whose evaluation is green."""
    return workshop(Path(shutil.copytree(judged[True], tmp_path / "project")))


@pytest.fixture
def red_shop(judged: dict[bool, Path], tmp_path: Path) -> Workshop:
    """One in which nothing is right."""
    return workshop(Path(shutil.copytree(judged[False], tmp_path / "project")))


def with_evaluation(shop: Workshop, **changes: Any) -> Workshop:
    evaluation = shop.recipe.evaluation.model_copy(update=changes)
    return replace(shop, recipe=shop.recipe.model_copy(update={"evaluation": evaluation}))


def with_deployment(shop: Workshop, **changes: Any) -> Workshop:
    deployment = shop.recipe.deployment.model_copy(update=changes)
    return replace(shop, recipe=shop.recipe.model_copy(update={"deployment": deployment}))


def edit_verdict(shop: Workshop, **edit: Any) -> Workshop:
    path = shop.store.latest("eval_report", shop.product).verdict_path
    write_json(path, {**read_json(path), **edit})
    return shop


def delete_verdict(shop: Workshop) -> Workshop:
    shop.store.latest("eval_report", shop.product).verdict_path.unlink()
    return shop


def swap_bytes(shop: Workshop, asset: str, name: str) -> Workshop:
    """Other bytes of the same length, the time of the file set back to what it was."""
    file = shop.store.latest(asset, shop.product).file(name)
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    return shop


def export_again(shop: Workshop) -> Workshop:
    put(shop, "gguf_model", {"model.gguf": b"FUGG"}, sha256=sha256_bytes(b"FUGG"), quantization="F16")
    return shop


def export_again_and_edit_the_verdict(shop: Workshop) -> Workshop:
    export_again(shop)
    return edit_verdict(shop, grounds=shop.grounds())


def retrain_guard(shop: Workshop) -> Workshop:
    put(shop, "guard_model", {"guard.json": b"[]"})
    return shop


def cut_cases(shop: Workshop) -> Workshop:
    file = shop.cases / "contract.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:1]))
    return shop


def cut_cases_and_make_the_dataset_again(shop: Workshop) -> Workshop:
    eval_dataset(cut_cases(shop))
    return shop


def remove_cases(shop: Workshop) -> Workshop:
    shutil.rmtree(shop.cases)
    return shop


ATTACKS: dict[str, tuple[Attack, type[StoreError] | type[GateError], str]] = {
    "no verdict": (delete_verdict, GateError, "expected a verdict on eval_report .*, found none"),
    "edited outcome": (lambda shop: edit_verdict(shop, results=[]), GateError, "gate.json was edited"),
    "edited grounds": (lambda shop: edit_verdict(shop, grounds={}), GateError, "gate.json was edited"),
    "override by hand": (lambda shop: edit_verdict(shop, overrides=["Ana: fine"]), GateError, "gate.json was edited"),
    "swapped GGUF": (
        lambda shop: swap_bytes(shop, "gguf_model", "model.gguf"),
        ArtifactCorruptError,
        "expected sha256",
    ),
    "swapped guard": (
        lambda shop: swap_bytes(shop, "guard_model", "guard.json"),
        ArtifactCorruptError,
        "expected sha256",
    ),
    "swapped report": (
        lambda shop: swap_bytes(shop, "eval_report", "eval_report.json"),
        StoreError,
        "JSON|expected sha256",
    ),
    "another GGUF": (export_again, GateError, r"void: model changed \(expected .*materialise eval_report again"),
    "another GGUF and grounds": (export_again_and_edit_the_verdict, GateError, "void: model changed"),
    "another guard": (retrain_guard, GateError, "void: guard changed"),
    "cases cut": (cut_cases, GateError, r"void: cases changed \(expected .*, got none\)"),
    "cases cut, dataset anew": (cut_cases_and_make_the_dataset_again, GateError, "void: cases changed"),
    "cases removed": (remove_cases, GateError, "void: cases changed"),
    "threshold lowered": (lambda shop: with_evaluation(shop, safety_threshold=0.1), GateError, "by other gates than"),
    "answers cut": (lambda shop: with_deployment(shop, num_predict=8), GateError, "void: recipe changed"),
    "served by chance": (lambda shop: with_deployment(shop, temperature=1.5), GateError, "void: recipe changed"),
}


def test_without_an_attack_the_verdict_holds(shop: Workshop) -> None:
    assert shop.need("eval_report").asset == "eval_report"


@pytest.mark.parametrize("override", [None, ANA], ids=["no override", "override"])
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_deploys_nothing_with_an_override_neither(
    shop: Workshop, name: str, override: Override | None
) -> None:
    attack, error, said = ATTACKS[name]
    for asset in ("eval_report", "gguf_model", "guard_model"):
        shop.need(asset)
    with pytest.raises(error, match=said) as caught:
        ollama_deployment(replace(attack(shop), override=override))
    assert "\n" not in str(caught.value)
    assert shop.store.newest("ollama_deployment", shop.product) == ""


def test_cases_that_are_put_back_give_the_verdict_its_worth_back(shop: Workshop) -> None:
    file = shop.cases / "contract.jsonl"
    before = file.read_bytes()
    cut_cases_and_make_the_dataset_again(shop)
    file.write_bytes(before)
    assert shop.need("eval_report").asset == "eval_report"


def test_no_evaluation_runs_on_a_dataset_of_other_cases_than_there_are(shop: Workshop) -> None:
    """Cut, make the dataset, put back, evaluate: the easy dataset would be judged in the name of the whole one."""
    file = shop.cases / "contract.jsonl"
    before = file.read_bytes()
    cut_cases_and_make_the_dataset_again(shop)
    file.write_bytes(before)
    with pytest.raises(GateError, match="it was made of others; materialise eval_dataset again"):
        eval_report(shop)


def test_a_scorer_that_was_changed_on_the_disk_voids_the_verdict(shop: Workshop, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "tasks" / "score.py").open("a") as file:
        file.write("\n\ndef generous() -> None:\n    pass\n")
    script = (
        "import sys; from pathlib import Path; from llmops_assets.project import Project\n"
        "from llmops_assets.pipeline import graph; from llmops_assets.pipeline.workshop import Workshop\n"
        "Workshop(Project(Path(sys.argv[1])), graph.example_recipe(), print).need('eval_report')"
    )
    environment = {**os.environ, "PYTHONPATH": str(copy.parent)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(shop.project.root)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is void: scorers changed (expected " in done.stderr.splitlines()[-1]


def test_a_plugin_that_replaces_a_scorer_in_the_evaluating_process_is_found(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = (
        "import llmops_assets.tasks.command as command\n"
        "from llmops_assets.tasks.score import passed\n"
        "command.score_accuracy = lambda *_: passed('fine')\n"
    )
    (tmp_path / "sitecustomize.py").write_text(plugin)
    monkeypatch.syspath_prepend(tmp_path)
    job = EvaluationJob(
        product=shop.product,
        version="1.0.0",
        task="command",
        gguf="none",
        gguf_sha256="",
        quantization="",
        cases="none",
        guard="",
        answers="",
        base_gguf="",
        parameters={},
        gates=[],
        config={},
        parallel=False,
        grounds=shop.grounds(),
    )
    with pytest.raises(EvaluationError, match=r"got another llmops_assets\.tasks\.command\.score_accuracy in memory"):
        run_stage("llmops_assets.evaluation.stage:evaluate", asdict(job), tmp_path, lambda _: None)


def deploy(shop: Workshop, version: str, guard: str) -> None:
    """A deployment made by hand."""

    def make(work: Path) -> dict[str, Any]:
        write_json(work / "deployment.json", {"version": version, "guard": guard})
        return metadata({"production_answers": 1, "digest_matches": 1, "smoke_passed": 1}, version=version)

    shop.build("ollama_deployment", inputs={}, settings=version, make=make)


def test_the_guard_that_serves_is_the_one_that_was_judged_also_after_a_retraining_and_a_rollback(
    shop: Workshop,
) -> None:
    first = shop.store.newest("guard_model", shop.product)
    deploy(shop, "1.0.0", first)
    second = shop.store.newest("guard_model", retrain_guard(shop).product)
    assert judged_guard(shop).digest == first
    deploy(shop, "1.1.0", second)
    assert judged_guard(shop).digest == second
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    record.add(Release("example", "1.1.0", "a", "b"))
    record.withdraw("1.1.0", "slow")
    assert judged_guard(shop).digest == first


def test_a_guard_that_was_swapped_below_a_deployment_serves_nothing(shop: Workshop) -> None:
    deploy(shop, "1.0.0", shop.store.newest("guard_model", shop.product))
    with pytest.raises(ArtifactCorruptError):
        servers.served_product(swap_bytes(shop, "guard_model", "guard.json"))


def test_a_clock_that_was_set_back_makes_no_older_deployment_the_newest(shop: Workshop) -> None:
    guard = shop.store.newest("guard_model", shop.product)
    for year, version in ((3, "1.0.0"), (2, "1.1.0"), (1, "1.2.0")):
        deploy(shop, version, guard)
        manifest = shop.store.latest("ollama_deployment", shop.product).path / "manifest.json"
        os.utime(manifest, (year * 10**7, year * 10**7))
    (shop.store.folder("ollama_deployment", shop.product) / "latest.json").unlink()
    found = serving(shop)
    assert found is not None
    assert read_json(found.file("deployment.json"))["version"] == "1.2.0"


def test_an_override_is_shown_on_the_report_s_page_in_the_status_and_in_the_ui(red_shop: Workshop) -> None:
    from llmops_assets.defs.showing import materialized

    report = replace(red_shop, override=ANA).need("eval_report")
    page = report_page(red_shop.store, report)
    assert page.name == f"{report.digest}.overridden.html"
    assert (
        '<div class="verdict no"><p><span aria-hidden="true">!</span> RED, let through by Ana on ' in page.read_text()
    )
    assert "a preview for &lt;one&gt; customer (eval_report: accuracy, format," in page.read_text()

    status = product_status(red_shop)
    assert status["state"].startswith("red: accuracy, ")
    assert [line[:24] for line in status["overrides"]] == ["RED, let through by Ana "]

    result = materialized(put_report(red_shop, green=False))
    assert result.metadata is not None
    for seen in (result.metadata, *(check.metadata for check in result.check_results or ())):
        assert seen["overridden"].value.startswith('<span style="color:#cf222e">**RED, let through by Ana on ')


def test_an_override_above_is_shown_by_what_is_made_below(shop: Workshop) -> None:
    put(shop, "gguf_model", {"model.gguf": b"BAD!"}, green=False)
    replace(shop, override=ANA).need("gguf_model")
    assert [record.asset for record in put_report(shop).overrides] == ["gguf_model"]
    assert (
        "(gguf_model: read_back, prompt_parity, agreement)"
        in report_page(shop.store, shop.store.latest("eval_report", shop.product)).read_text()
    )


def test_the_catalogue_sells_nothing_by_a_verdict_that_is_void(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = shop.project.root / "recipes"
    recipes.mkdir()
    (recipes / "example.yaml").write_text(yaml.safe_dump(shop.recipe.model_dump(mode="json")))
    monkeypatch.setenv("LLMOPS_RECIPES", str(recipes))
    manifest = {"version": "0.0.1", "model_sha256": sha256_bytes(b"GGUF"), "gates": {"passed": True, "overrides": []}}
    manifest |= {"build_date": "2026-11-29T00:00:00Z", "signing_key": "ab", "quantization": "F16"}
    bundle = {"manifest": manifest, "measures": [], "archive": "x.tar.gz", "sha256": "ab", "size": 1}
    put(shop, "product_bundle", {"bundle.json": json.dumps(bundle).encode()})
    assert product_catalog(shop.project)["for_sale"] == 1
    for attack, said in (
        (lambda: edit_verdict(shop, passed=True, results=[]), "was edited"),
        (lambda: cut_cases(shop), "void"),
    ):
        attack()
        assert said in product_catalog(shop.project)["table"]
        assert product_catalog(shop.project)["for_sale"] == 0


def test_status_says_that_a_verdict_is_void(shop: Workshop) -> None:
    assert product_status(shop)["state"] == "green"
    assert "is void: cases changed" in product_status(cut_cases(shop))["state"]


def test_a_recipe_names_no_scorers_of_its_own(shop: Workshop) -> None:
    section = {**shop.recipe.evaluation.model_dump(), "custom_evaluators": ["mine"]}
    with pytest.raises(ValueError, match="custom_evaluators"):
        type(shop.recipe.evaluation).model_validate(section)


def test_a_consumer_reads_the_grounds_from_the_report_that_its_digest_holds(shop: Workshop) -> None:
    found = findings(shop.store.latest("eval_report", shop.product))
    assert found.grounds == shop.grounds()
    assert set(found.grounds) == {"model", "guard", "cases", "scorers", "recipe"}
    assert read_json(shop.store.latest("eval_report", shop.product).verdict_path)["grounds"] == found.grounds
    assert verdicts.stand(shop.store.latest("eval_report", shop.product), found, (), found.grounds).void != ""
