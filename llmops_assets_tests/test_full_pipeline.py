"""The whole chain through the command line, on a tiny but real model: raw rows to a served, watched, packed product."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.pipeline import graph
from llmops_assets.productization.packaging import verify
from llmops_assets.storage.atomic import sha256_file
from llmops_assets_tests.tiny_project import RED, RED_DATA, TinyProject

STAGES = ["data", "training", "export", "evaluation", "deployment", "monitoring", "productization"]
ASSETS = [node.name for node in graph.NODES]


def made(output: str) -> dict[str, str]:
    """Asset -> `cached` or how long it took, from the lines that a run prints."""
    found = re.findall(r"\[(\w+)\] \1\[\w+\] [0-9a-f]{12} (cached|[\d.]+ s),", output)
    return dict(found)


def anew(output: str) -> set[str]:
    return {asset for asset, how in made(output).items() if how != "cached"}


@pytest.fixture
def project(made_project: TinyProject, tmp_path: Path) -> TinyProject:
    """A copy of the made project to change at will; what serves in it ends with the test."""
    return made_project.copy(tmp_path / "project")


@pytest.fixture
def served(project: TinyProject) -> Iterator[TinyProject]:
    yield project
    project.stop_server()


def test_every_stage_completes_and_takes_time(made_project: TinyProject) -> None:
    result = made_project.result()
    assert result["success"]
    assert result["stages_completed"] == STAGES
    assert list(result["stage_results"]) == sorted(STAGES)
    assert all(stage["duration_seconds"] > 0.01 for stage in result["stage_results"].values())
    total = sum(stage["duration_seconds"] for stage in result["stage_results"].values())
    assert 0.5 * result["total_duration_seconds"] < total <= result["total_duration_seconds"]


def test_the_result_has_the_keys_of_the_brief(made_project: TinyProject) -> None:
    result = made_project.result()
    assert set(result) == {
        "pipeline_id",
        "product",
        "success",
        "stages_completed",
        "total_duration_seconds",
        "stage_results",
        "final_artifacts",
        "errors",
    }
    assert result["pipeline_id"] == "tiny-taskmaster"
    assert result["errors"] == []
    for name, stage in result["stage_results"].items():
        assert set(stage) == {"name", "success", "duration_seconds", "artifacts", "metrics", "error"}
        assert stage["name"] == name
        assert set(stage["artifacts"]) == {node.name for node in graph.NODES if node.stage == name}
        assert all(Path(path).is_dir() for path in stage["artifacts"].values())


def test_the_trained_model_is_a_model_folder_that_answers(made_project: TinyProject) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(made_project.result()["final_artifacts"]["training_model_path"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    request = [{"role": "user", "content": "list Ana chores for sunday"}]
    prompt = tokenizer.apply_chat_template(request, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output = AutoModelForCausalLM.from_pretrained(folder).generate(**prompt, max_new_tokens=16, do_sample=False)
    answer = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert json.loads(answer)["action"] in ("list", "refuse")


def test_the_deployed_file_is_the_gguf_that_was_judged(made_project: TinyProject) -> None:
    from gguf import GGUFReader

    path = Path(made_project.result()["final_artifacts"]["deployment_gguf_path"])
    reader = GGUFReader(path)
    assert reader.get_field("general.architecture").contents() == "llama"
    assert "<|im_start|>" in reader.get_field("tokenizer.chat_template").contents()
    assert len(reader.tensors) == 20
    report = made_project.store.latest("eval_report", "TaskMaster")
    assert report.metadata["shown"]["gguf_sha256"] == sha256_file(path)


def test_the_package_is_an_archive_that_verifies(made_project: TinyProject) -> None:
    archive = Path(made_project.result()["final_artifacts"]["productization_package_path"])
    assert archive.name == "taskmaster-0.1.0.tar.gz"
    assert verify(archive).genuine


def test_the_catalogue_shows_every_product(made_project: TinyProject) -> None:
    page = (made_project.root / "artifacts" / "product_catalog" / "catalog.html").read_text(encoding="utf-8")
    assert all(product in page for product in ("TaskMaster", "CodeReviewer", "DocWriter"))


def test_a_second_run_does_nothing_and_says_so(served: TinyProject) -> None:
    done = served.llmops("run", "TaskMaster")
    assert made(done.stdout) == dict.fromkeys(ASSETS, "cached")
    assert "step" not in done.stdout
    assert served.result()["success"]
    assert served.result()["total_duration_seconds"] < 60


def test_a_row_that_changes_no_training_row_retrains_nothing(served: TinyProject) -> None:
    served.add_row("TaskMaster", "list Ana chores for monday")
    assert anew(served.llmops("run", "TaskMaster").stdout) == {"curated_conversations", "sft_dataset"}


def test_a_changed_row_makes_anew_what_depends_on_it(project: TinyProject) -> None:
    project.add_row("TaskMaster", "enumerate whatever Zoe promised us lately")
    done = project.llmops("run", "TaskMaster", "--stage", "data")
    assert anew(done.stdout) == {"curated_conversations", "sft_dataset", "preference_dataset"}
    assert made(done.stdout)["eval_dataset"] == "cached"


@pytest.mark.slow
def test_a_changed_row_ends_in_a_new_release(served: TinyProject) -> None:
    before = served.llmops("status", "TaskMaster", "--json")
    served.add_row("TaskMaster", "enumerate whatever Zoe promised us lately")
    new = {"version": "0.2.0", "releases": [{"version": "0.2.0", "date": "2026-11-25", "changes": ["one row more"]}]}
    served.change_recipe("TaskMaster", {"product": new})
    done = served.llmops("run", "TaskMaster", timeout=500)
    assert anew(done.stdout) == set(ASSETS) - {"eval_dataset"}
    old, now = (json.loads(output)[0]["artifacts"] for output in (before.stdout, done_status(served)))
    assert {asset for asset in ASSETS if old[asset] != now[asset]} == set(ASSETS) - {"eval_dataset", "guard_model"}


def done_status(project: TinyProject) -> str:
    return project.llmops("status", "TaskMaster", "--json").stdout


def test_status_shows_the_gates_with_their_numbers(made_project: TinyProject) -> None:
    (row,) = json.loads(done_status(made_project))
    assert row["state"] == "green"
    assert row["serving"] == "taskmaster:production"
    assert set(row["artifacts"]) == set(ASSETS)
    gates = {gate["metric"]: gate for gate in row["gates"]}
    assert list(gates)[:4] == ["accuracy", "format", "safety", "preference"]
    accuracy = gates["accuracy"]
    assert (accuracy["n"], accuracy["threshold"], accuracy["outcome"]) == (24, ">= 0", "passed")
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]


def test_status_judges_by_the_thresholds_of_the_recipe_as_it_is_now(project: TinyProject) -> None:
    project.change_recipe("TaskMaster", {"evaluation": RED})
    (row,) = json.loads(done_status(project))
    assert row["state"].startswith("red: accuracy")


def test_the_deployed_product_answers(served: TinyProject) -> None:
    reply = json.loads(served.llmops("ask", "TaskMaster", "list Bob chores for friday").stdout)
    assert reply == {"action": "list", "params": {}, "success": True, "message": ""}
    (line,) = (served.root / "home" / "requests" / "TaskMaster.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["action"] == "list"
    assert "Bob" not in line


def test_a_failed_run_leaves_its_result_with_the_reason(tiny_project: TinyProject) -> None:
    tiny_project.change_recipe("TaskMaster", RED_DATA)
    done = tiny_project.llmops("run", "TaskMaster", code=1)
    result = tiny_project.result()
    assert not result["success"]
    assert result["stages_completed"] == []
    assert result["final_artifacts"] == {}
    assert "did not pass its gates: coverage 0, wanted >= 1" in result["errors"][0]
    assert done.stderr.strip().splitlines()[-1] == f"llmops: TaskMaster: {result['errors'][0]}"
    kept = tiny_project.root / "artifacts" / "results" / "TaskMaster" / "pipeline_result.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == result


@pytest.mark.slow
def test_without_save_intermediate_what_only_training_reads_is_dropped(served: TinyProject) -> None:
    served.change_recipe("TaskMaster", {"save_intermediate": False})
    served.llmops("run", "TaskMaster")
    assert not list((served.root / "artifacts" / "merged_model").rglob("*.safetensors"))
    assert not list((served.root / "artifacts" / "sft_adapter").rglob("*.safetensors"))
    assert all(Path(path).exists() for path in served.result()["final_artifacts"].values())
    assert made(served.llmops("run", "TaskMaster").stdout) == dict.fromkeys(ASSETS, "cached")
