"""A new product without Python: the recipe and the data of another one, under a name of their own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import RecipeError
from llmops_assets.pipeline.workshop import raw_folder
from llmops_assets.project import Project
from llmops_assets.recipes.loading import load_recipe, load_recipes
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class NewProduct:
    """What was written."""

    recipe: Path
    raw: Path


def start_product(project: Project, name: str, source: Recipe, target: Path | None) -> NewProduct:
    """Writes a recipe that loads and data that run; where it cannot, nothing is left behind.

    Args:
        project: where.
        name: the product's name.
        source: whose recipe and data are copied.
        target: the recipe's file; None: in the recipes folder, by the name.

    Raises:
        RecipeError: there is such a recipe or product already, or the name is none that a product can have.
    """
    path = target or project.recipes / f"{name.lower()}.yaml"
    known = load_recipes(project.recipes)
    if path.exists():
        raise RecipeError(f"expected no recipe at {path} yet, found one; choose another name or delete it")
    twin = next((product for product in known.products if product.casefold() == name.casefold()), None)
    if twin is not None:
        raise RecipeError(f"expected no product {name} yet, {known.files[twin].name} describes it; choose another name")
    text = known.files[source.name].read_text(encoding="utf-8")
    text = text.replace(source.name, name).replace(source.deployment.model_name, name.lower())
    aside = atomic.write_text(path.with_suffix(".part"), text)
    try:
        recipe = load_recipe(aside)
    except RecipeError:
        aside.unlink()
        raise
    folders = [(folder / source.name, folder / name) for folder in (project.data / "eval", project.data)]
    for before, after in [*folders, (raw_folder(project, source), raw_folder(project, recipe))]:
        if before.is_dir() and before != after:
            shutil.copytree(before, after, dirs_exist_ok=True)
    aside.replace(path)
    return NewProduct(path, raw_folder(project, recipe))
