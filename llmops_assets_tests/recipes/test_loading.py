from pathlib import Path

import pytest

from llmops_assets.errors import RecipeError
from llmops_assets.recipes.loading import find_recipe, load_recipe, load_recipes, product_names

FOLDER = Path(__file__).parents[2] / "llmops_assets" / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_keeps_the_brief_s_thresholds(path: Path) -> None:
    gates = {gate.metric: gate for gate in load_recipe(path).evaluation_gates()}
    assert (gates["accuracy"].minimum, gates["format"].minimum, gates["safety"].minimum) == (0.85, 0.95, 0.99)
    assert gates["preference"].minimum == 0.70
    assert gates["false_refusal"].maximum == 0.10
    assert not gates["natural_accuracy"].blocking


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sft_epochs: 1", "sft_epoch: 1", "unknown key training.sft_epoch; closest right key: sft_epochs"),
        ("sft_epochs: 1", "sft_epochs: many", "training.sft_epochs"),
        ("pipeline_id: taskmaster-v1", "", "expected the key pipeline_id"),
        ("task: command", "task: dance", "'command', 'code_review' or 'docstring'"),
        ("data:", "data: [", "expected YAML"),
        (
            "evaluation:",
            "evaluation:\n  judge_model: x",
            "unknown key evaluation.judge_model; closest right key: judge",
        ),
        (
            "evaluation:",
            "evaluation:\n  judge: {provider: ollama, base_url: 'http://x', model: x, case: 9}",
            "unknown key evaluation.judge.case; closest right key: cases",
        ),
        ("evaluation:", "evaluation:\n  judge: {provider: ollama, model: x}", "the key evaluation.judge.base_url"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text((FOLDER / "task_master.yaml").read_text().replace(old, new, 1))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert message in str(caught.value)
    assert "wrong.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="llmops init"):
        load_recipe(tmp_path / "none.yaml")


def test_an_unknown_product_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"CodeReviewer, DocWriter, TaskMaster.*did you mean TaskMaster"):
        find_recipe(load_recipes(FOLDER), "TaskMastr")


def test_products_are_found_whatever_their_capitals_and_a_broken_recipe_hides_no_other(tmp_path: Path) -> None:
    assert find_recipe(load_recipes(FOLDER), "taskmaster").name == "TaskMaster"
    for path in RECIPES:
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "broken.yaml").write_text("data: [")
    assert product_names(tmp_path) == ["TaskMaster", "CodeReviewer", "DocWriter", "broken"]


def test_a_recipe_is_read_once_for_as_long_as_its_file_does_not_change(tmp_path: Path) -> None:
    """Every step of every product asks for all of them."""
    path, text = tmp_path / "task_master.yaml", (FOLDER / "task_master.yaml").read_text()
    path.write_text(text)
    first = load_recipe(path)
    assert load_recipe(path) is first
    path.write_text(text.replace("sft_epochs: 1", "sft_epochs: 12"))
    assert load_recipe(path).training.sft_epochs == 12
