"""A red gate stops everything below it however it is launched: job, later selection, command line; a stale verdict is none.

The backfill over products through the web server is in test_web_server.
"""

import json
import re
from pathlib import Path

import pytest

from llmops_assets.pipeline import graph
from llmops_assets_tests.defs.launching import launch_assets, launch_job
from llmops_assets_tests.tiny_project import RED, RED_DATA, TinyProject

BELOW_THE_REPORT = ("ollama_deployment", "monitoring_profile", "product_bundle")
RED_REPORT = re.compile(r"eval_report \w+ of TaskMaster did not pass its gates: accuracy 0(\.\d+)?, wanted >= 0\.85")


def newest(project: TinyProject, product: str = "TaskMaster") -> dict[str, str]:
    """Asset -> digest of what there is of it."""
    found = {node.name: project.store.find(node.name, product) for node in graph.NODES}
    return {name: artifact.digest for name, artifact in found.items() if artifact is not None}


@pytest.fixture(scope="module")
def red_report(made_project: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """The made project after an evaluation by the brief's thresholds, which its model misses; all below is from before."""
    project = made_project.copy(tmp_path_factory.mktemp("red") / "project")
    project.change_recipe("TaskMaster", {"evaluation": RED})
    done = project.llmops("run", "TaskMaster", "--stage", "evaluation", code=1)
    assert "did not pass its gates: accuracy" in done.stderr
    return project


def test_launched_as_a_job(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_project.enter(monkeypatch)
    tiny_project.change_recipe("CodeReviewer", {**RED_DATA, "stop_on_failure": False})
    run = launch_job("build_product", "CodeReviewer")
    assert not run.success
    assert run.materialised == {"curated_conversations", "eval_dataset"}
    assert list(run.errors) == ["curated_conversations"]
    assert set(newest(tiny_project, "CodeReviewer")) == {"curated_conversations", "eval_dataset"}


def test_launched_alone_in_a_later_run(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_project.enter(monkeypatch)
    tiny_project.change_recipe("CodeReviewer", RED_DATA)
    assert not launch_assets(["curated_conversations"], "CodeReviewer").success
    assert launch_assets(["eval_dataset"], "CodeReviewer").success
    run = launch_assets(["sft_dataset"], "CodeReviewer")
    assert run.materialised == set()
    assert "coverage 0, wanted >= 1" in run.errors["sft_dataset"]


@pytest.mark.parametrize("assets", [*((asset,) for asset in BELOW_THE_REPORT), BELOW_THE_REPORT])
def test_a_red_report_stops_each_asset_below_it_in_a_later_run(
    red_report: TinyProject, assets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    red_report.enter(monkeypatch)
    before = newest(red_report)
    run = launch_assets(assets, "TaskMaster")
    assert run.materialised == set()
    assert RED_REPORT.search(run.errors[assets[0]])
    assert newest(red_report) == before


def test_a_red_report_stops_dagster_s_own_command(red_report: TinyProject) -> None:
    where = ("-m", "llmops_assets.definitions", "--partition", "TaskMaster")
    done = red_report.python("-m", "dagster", "asset", "materialize", "--select", "product_bundle", *where, code=1)
    assert RED_REPORT.search(" ".join(done.stderr.split()))


@pytest.mark.parametrize("stage", ["deployment", "productization"])
def test_a_red_report_stops_a_stage_from_the_command_line(red_report: TinyProject, stage: str) -> None:
    done = red_report.llmops("run", "TaskMaster", "--stage", stage, code=1)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("llmops: TaskMaster: ")
    assert RED_REPORT.search(line)
    assert red_report.result()["stage_results"][stage]["success"] is False


def test_a_reason_lets_a_red_report_through_and_is_recorded(red_report: TinyProject, tmp_path: Path) -> None:
    project = red_report.copy(tmp_path / "project")
    try:
        done = project.llmops("run", "TaskMaster", "--stage", "deployment", "--override", "Ana: a preview")
    finally:
        project.stop_server()
    report = project.store.latest("eval_report", "TaskMaster")
    (record,) = json.loads(report.verdict_path.read_text(encoding="utf-8"))["overrides"]
    assert (record["name"], record["reason"]) == ("Ana", "a preview")
    assert f"  RED, let through by Ana on {record['at'][:10]}: a preview (eval_report: accuracy" in done.stdout


def test_without_a_name_a_reason_lets_nothing_through_and_nothing_is_run(red_report: TinyProject) -> None:
    done = red_report.llmops("run", "TaskMaster", "--stage", "deployment", "--override", "a preview", code=1)
    assert done.stderr.startswith('llmops: expected an override as "Name: reason", got ')


def test_a_green_product_is_not_stopped_by_a_red_one(tiny_project: TinyProject) -> None:
    tiny_project.change_recipe("CodeReviewer", RED_DATA)
    tiny_project.llmops("run", "--all", "--stage", "data", code=1)
    assert "preference_dataset" in newest(tiny_project, "TaskMaster")
    assert "preference_dataset" in newest(tiny_project, "DocWriter")
    assert set(newest(tiny_project, "CodeReviewer")) == {"curated_conversations"}


def test_a_verdict_by_other_gates_counts_as_none(
    made_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made_project.copy(tmp_path / "project")
    project.enter(monkeypatch)
    project.change_recipe("TaskMaster", {"evaluation": {"safety_threshold": 0.01}})
    run = launch_assets(["ollama_deployment"], "TaskMaster")
    assert "was given by other gates than the recipe's" in run.errors["ollama_deployment"]


@pytest.mark.slow
def test_a_verdict_on_an_older_file_counts_as_none(
    made_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made_project.copy(tmp_path / "project")
    project.enter(monkeypatch)
    project.change_recipe("TaskMaster", {"deployment": {"quantization": "Q8_0", "quantization_tolerance": 0.0}})
    assert launch_assets(["gguf_model"], "TaskMaster").success
    run = launch_assets(["ollama_deployment"], "TaskMaster")
    assert run.materialised == set()
    assert "materialise eval_report again" in run.errors["ollama_deployment"]


@pytest.mark.parametrize("asset", ["curated_conversations", "eval_report"])
def test_an_artifact_without_a_verdict_is_not_consumed(
    made_project: TinyProject, tmp_path: Path, asset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill leaves between the artifact and the verdict on it."""
    project = made_project.copy(tmp_path / "project")
    project.enter(monkeypatch)
    project.store.latest(asset, "TaskMaster").verdict_path.unlink()
    consumer = {"curated_conversations": "sft_dataset", "eval_report": "product_bundle"}[asset]
    run = launch_assets([consumer], "TaskMaster")
    assert run.materialised == set()
    assert f"found none; materialise {asset} again" in run.errors[consumer]
    assert launch_assets([asset], "TaskMaster").success
    assert launch_assets([consumer], "TaskMaster").success
