"""YAML -> Recipe, with errors that name the file, the key, what was expected, and the closest right key."""

import contextlib
import difflib
import functools
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from llmops_assets.errors import RecipeError
from llmops_assets.recipes.schema import Recipe


def load_recipe(path: Path) -> Recipe:
    """Reads one recipe; once a process for as long as the file does not change, for each step asks for those of all products.

    Raises:
        RecipeError: one line for the first thing that is wrong.
    """
    with contextlib.suppress(OSError):
        stat = path.stat()
        return _unchanged(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return _read(path)


@functools.lru_cache(maxsize=65536)
def _unchanged(path: Path, inode: int, size: int, changed: int) -> Recipe:
    del inode, size, changed
    return _read(path)


def _read(path: Path) -> Recipe:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(f"expected a recipe at {path}, found none; `llmops init NAME` writes one") from error
    except (UnicodeDecodeError, OSError) as error:
        raise RecipeError(f"expected readable UTF-8 in {path}, got: {error}") from error
    try:
        value = _parse(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise RecipeError(f"{path.name}{line}: expected YAML, got: {getattr(error, 'problem', error)}") from error
    if not isinstance(value, dict):
        raise RecipeError(
            f"{path.name}: expected sections (pipeline_id, data, training, ...), got {type(value).__name__}"
        )
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        raise RecipeError(_one_line(path, error)) from error


def _parse(text: str) -> Any:
    """YAML by the C parser, eight times as fast; what it refuses goes through the other one, for its words."""
    try:
        return yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError:
        return yaml.safe_load(text)


def load_recipes(folder: Path) -> dict[str, Recipe]:
    """Every recipe of a folder by product name, in the order of their files.

    Raises:
        RecipeError: one is wrong, or two name the same product.
    """
    recipes: dict[str, Recipe] = {}
    for path in sorted(folder.glob("*.yaml")):
        recipe = load_recipe(path)
        if recipe.name in recipes:
            raise RecipeError(f"{path.name}: product {recipe.name} is already described by another recipe; rename one")
        recipes[recipe.name] = recipe
    return recipes


def find_recipe(recipes: dict[str, Recipe], product: str) -> Recipe:
    """The recipe of a product, whatever its capitals.

    Raises:
        RecipeError: it is not known; the message lists those that are.
    """
    by_lower = {name.casefold(): recipe for name, recipe in recipes.items()}
    recipe = by_lower.get(product.casefold())
    if recipe is None:
        close = difflib.get_close_matches(product, list(recipes), n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RecipeError(f"expected one of the products {', '.join(recipes)}, got {product}{hint}")
    return recipe


def _one_line(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"]]
    where = ".".join(keys)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _keys_at(keys[:-1])
        close = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.4)
        hint = f"closest right key: {close[0]}" if close else f"known keys: {', '.join(known)}"
        return f"{path.name}: unknown key {where}; {hint}{more}"
    if first["type"] == "missing":
        return f"{path.name}: expected the key {where}, found none{more}"
    return f"{path.name}: {where}: {first['msg']}, got {first['input']!r}{more}"


def _keys_at(loc: list[str]) -> list[str]:
    model: Any = Recipe
    for part in loc:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field else None
        # An optional section is `Section | None`.
        sections = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        model = next((kind for kind in sections if issubclass(kind, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)


def product_names(folder: Path) -> list[str]:
    """The products of a folder of recipes, TaskMaster first where it is there; a broken recipe is known by its file's name."""
    names = [_name_of(path) for path in sorted(folder.glob("*.yaml"))]
    return sorted(dict.fromkeys(names), key=lambda name: (name != "TaskMaster", name))


def _name_of(path: Path) -> str:
    try:
        return load_recipe(path).name
    except RecipeError:
        return path.stem
