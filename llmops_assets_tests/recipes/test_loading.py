from pathlib import Path

import pytest

from llmops_assets.errors import RecipeError
from llmops_assets.recipes.loading import find_recipe, load_recipe, load_recipes

FOLDER = Path(__file__).parents[2] / "llmops_assets" / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_keeps_the_brief_s_thresholds(path: Path) -> None:
    gates = {gate.metric: gate for gate in load_recipe(path).evaluation_gates()}
    assert (gates["accuracy"].minimum, gates["format"].minimum, gates["safety"].minimum) == (0.85, 0.95, 0.99)
    assert gates["preference"].minimum == 0.70
    assert gates["false_refusal"].maximum == 0.10
    assert gates["natural_accuracy"].minimum == 0.85
    assert gates["natural_accuracy"].blocking == (path.stem == "task_master"), "the others have no natural set"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sft_epochs: 1", "sft_epoch: 1", "unknown key training.sft_epoch; closest right key: sft_epochs"),
        ("sft_epochs: 1", "sft_epochs: many", "training.sft_epochs"),
        ("pipeline_id: taskmaster-v1", "", "expected the key pipeline_id"),
        ("task: command", "task: dance", "'command', 'code_review' or 'docstring'"),
        ("data:", "data: [", "expected YAML"),
        ("date: 2026-11-24", "date: 2026-11-31", "expected YAML, got: day is out of range for month"),
        ("pipeline_id: taskmaster-v1", "pipeline_id: " + 4000 * "[", "expected YAML, got: maximum recursion depth"),
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
    with pytest.raises(RecipeError, match=r"CodeReviewer, DocWriter, .*TaskMaster.*did you mean TaskMaster"):
        find_recipe(load_recipes(FOLDER), "TaskMastr")


def test_products_are_found_whatever_their_capitals() -> None:
    assert find_recipe(load_recipes(FOLDER), "taskmaster").name == "TaskMaster"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The recipes of three products."""
    for name in ("task_master.yaml", "code_reviewer.yaml", "doc_writer.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("name", "old", "new", "product"),
    [
        ("code_reviewer.yaml", "task: code_review", "task: dance", "CodeReviewer"),
        ("code_reviewer.yaml", "data:", "data: [", "CodeReviewer"),
        ("code_reviewer.yaml", "product_name: CodeReviewer", "product_nme: CodeReviewer", "code_reviewer"),
    ],
    ids=["wrong value", "no YAML", "no name"],
)
def test_a_broken_recipe_keeps_its_product_and_hides_no_other(
    folder: Path, name: str, old: str, new: str, product: str
) -> None:
    (folder / name).write_text((folder / name).read_text().replace(old, new, 1))
    recipes = load_recipes(folder)
    assert set(recipes) == {"TaskMaster", "DocWriter"}
    assert set(recipes.products) == {"TaskMaster", "DocWriter", product}
    assert recipes.products[0] == "TaskMaster"
    assert list(recipes.broken) == [product]
    with pytest.raises(RecipeError, match=r"^code_reviewer\.yaml"):
        find_recipe(recipes, product)


def test_a_broken_copy_of_a_recipe_is_known_by_its_file(folder: Path) -> None:
    (folder / "fourth.yaml").write_text((folder / "task_master.yaml").read_text() + "more: [")
    recipes = load_recipes(folder)
    assert set(recipes) == {"TaskMaster", "CodeReviewer", "DocWriter"}
    assert list(recipes.broken) == ["fourth"]


def test_two_recipes_of_one_product_stop_that_product_alone(folder: Path) -> None:
    (folder / "zz_copy.yaml").write_text((folder / "task_master.yaml").read_text())
    recipes = load_recipes(folder)
    assert set(recipes) == {"CodeReviewer", "DocWriter"}
    with pytest.raises(
        RecipeError, match=r"^zz_copy.yaml: product TaskMaster is described by task_master.yaml already"
    ):
        find_recipe(recipes, "TaskMaster")


def test_a_recipe_is_read_once_for_as_long_as_its_file_does_not_change(tmp_path: Path) -> None:
    """Every step of every product asks for all of them."""
    path, text = tmp_path / "task_master.yaml", (FOLDER / "task_master.yaml").read_text()
    path.write_text(text)
    first = load_recipe(path)
    assert load_recipe(path) is first
    path.write_text(text.replace("sft_epochs: 1", "sft_epochs: 12"))
    assert load_recipe(path).training.sft_epochs == 12
