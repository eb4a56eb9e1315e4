import os
import re
import shutil
from pathlib import Path

import pytest

from llmops_assets import running
from llmops_assets.errors import RecipeError
from llmops_assets.new_product import start_product
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.recipes.loading import find_recipe, load_recipes
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject


def shop_of(project: TinyProject, product: str, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """The workshop of a product, with this process pointed at its project."""
    inside = project.enter(monkeypatch)
    return Workshop(inside, find_recipe(load_recipes(inside.recipes), product), lambda line: None)


def test_an_unknown_stage_lists_the_stages(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"expected one of the stages data, training, .*, got dance"):
        running.run_product(shop_of(tiny_project, "TaskMaster", monkeypatch), "dance")


def test_the_instance_s_folder_gets_the_project_s_settings_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLMOPS_HOME", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    home = running.dagster_home(Project(tmp_path))
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n", encoding="utf-8")
    assert running.dagster_home(Project(tmp_path)) == tmp_path / "home"
    assert (home / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: true}\n"


def test_without_a_variable_the_instance_lies_in_the_project_s_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "state"))
    assert running.dagster_home(Project(tmp_path)) == tmp_path / "state" / "dagster"
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "state" / "dagster")


def test_one_stage_runs_alone(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    result = running.run_product(shop_of(tiny_project, "TaskMaster", monkeypatch), "data")
    assert result["success"]
    assert list(result["stage_results"]) == ["data"]
    assert result == tiny_project.result()


@pytest.mark.parametrize(
    ("stop", "made"),
    [(True, ["curated_conversations"]), (False, ["curated_conversations", "eval_dataset"])],
)
def test_stop_on_failure_says_whether_the_rest_goes_on(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, stop: bool, made: list[str]
) -> None:
    tiny_project.change_recipe("TaskMaster", {**RED_DATA, "stop_on_failure": stop})
    result = running.run_product(shop_of(tiny_project, "TaskMaster", monkeypatch))
    assert not result["success"]
    assert sorted(path.name for path in tiny_project.store.root.iterdir() if path.name != "results") == made


def test_a_red_gate_is_told_with_its_numbers_and_the_time_it_took(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_project.change_recipe("TaskMaster", RED_DATA)
    stage = running.run_product(shop_of(tiny_project, "TaskMaster", monkeypatch), "data")["stage_results"]["data"]
    assert stage["error"].startswith("curated_conversations: ")
    assert "did not pass its gates: coverage 0, wanted >= 1" in stage["error"]
    assert stage["duration_seconds"] > 0.01
    assert stage["metrics"]["coverage"] == 0


def test_a_step_that_raises_is_told_in_its_own_words(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny_project.root / "data" / "raw" / "TaskMaster" / "rows.jsonl").write_text("{broken\n", encoding="utf-8")
    result = running.run_product(shop_of(tiny_project, "TaskMaster", monkeypatch), "data")
    (error,) = result["errors"]
    assert error.startswith("curated_conversations: expected records of TaskMaster to pass cleaning, got none of 1")


def test_a_recipe_file_from_elsewhere_decides(
    tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(tiny_project, "TaskMaster", monkeypatch)
    elsewhere = tmp_path / "elsewhere.yaml"
    (tiny_project.root / "recipes" / "taskmaster.yaml").rename(elsewhere)
    assert running.run_product(shop, "data", recipe_file=str(elsewhere))["success"]


def test_a_new_product_is_one_recipe_and_data_that_run_and_leaves_only_what_it_made(tiny_project: TinyProject) -> None:
    before = sorted(path for path in tiny_project.root.rglob("*") if path.is_file())
    tiny_project.llmops("init", "Fourth", "--from", "TaskMaster")
    tiny_project.llmops("run", "Fourth", "--stage", "data")
    assert tiny_project.result()["stages_completed"] == ["data"]
    assert tiny_project.store.latest("sft_dataset", "Fourth").metadata["metrics"]["train_rows"]["value"] > 0

    data = tiny_project.root / "data"
    (tiny_project.root / "recipes" / "fourth.yaml").unlink()
    for folder in (data / "raw" / "Fourth", data / "eval" / "Fourth", data / "Fourth"):
        shutil.rmtree(folder)
    made = ("artifacts", "home", "pipeline_result.json")
    after = [path for path in tiny_project.root.rglob("*") if path.is_file()]
    assert sorted(path for path in after if path.relative_to(tiny_project.root).parts[0] not in made) == before
    said = tiny_project.llmops("gc").stdout
    assert re.findall(".*Fourth.*", said) == ["Fourth: 0.1 MB left alone, for it has no recipe"]


@pytest.mark.parametrize("name", ["TaskMaster", "taskmaster"])
def test_a_product_that_there_is_is_not_made_again(
    tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = find_recipe(load_recipes(tiny_project.root / "recipes"), "DocWriter")
    with pytest.raises(RecipeError, match=f"expected no product {name} yet, taskmaster.yaml describes it"):
        start_product(tiny_project.enter(monkeypatch), name, source, tmp_path / "other.yaml")
    assert not (tmp_path / "other.yaml").exists()


def test_a_name_that_no_product_can_have_leaves_nothing_behind(tiny_project: TinyProject) -> None:
    before = sorted(tiny_project.root.rglob("*"))
    done = tiny_project.llmops("init", "4th_product", "--from", "TaskMaster", code=1)
    assert "product_name" in done.stderr
    assert sorted(tiny_project.root.rglob("*")) == before
