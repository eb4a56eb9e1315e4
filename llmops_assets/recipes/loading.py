"""YAML -> Recipe, with errors that name the file, the key, what was expected, and the closest right key."""

import contextlib
import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from llmops_assets.errors import RecipeError
from llmops_assets.recipes.schema import Recipe

SAYS_ITS_NAME = re.compile(r"""\bproduct_name\s*:\s*["']?([A-Za-z][A-Za-z0-9_-]{0,63})""")


@dataclass(frozen=True)
class Recipes(Mapping[str, Recipe]):
    """The recipes of a folder that can be read, by product; and what is wrong with the others.

    Attributes:
        files: where each product's recipe lies, also one that cannot be read.
        broken: one line a product whose recipe cannot be read.
    """

    good: dict[str, Recipe] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, product: str) -> Recipe:
        return self.good[product]

    def __iter__(self) -> Iterator[str]:
        return iter(self.good)

    def __len__(self) -> int:
        return len(self.good)

    @property
    def products(self) -> list[str]:
        """Every product, also those whose recipe cannot be read: the partitions. TaskMaster first where it is there."""
        return sorted(self.files, key=lambda name: (name != "TaskMaster", name))


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
    except (ValueError, RecursionError) as error:
        # A day that no month has, or thousands of nested brackets: the parser's own errors do not cover them.
        raise RecipeError(f"{path.name}: expected YAML, got: {error}") from error
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


def load_recipes(folder: Path) -> Recipes:
    """Every recipe of a folder by product name, in the order of their files; one that is wrong hides no other."""
    found = Recipes()
    wrong: list[tuple[Path, str]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            recipe = load_recipe(path)
        except RecipeError as error:
            wrong.append((path, str(error)))
            continue
        if recipe.name in found.files:
            first = found.files[recipe.name].name
            found.good.pop(recipe.name, None)
            found.broken[recipe.name] = (
                f"{path.name}: product {recipe.name} is described by {first} already; rename one"
            )
        else:
            found.good[recipe.name], found.files[recipe.name] = recipe, path
    for path, message in wrong:
        name = next(name for name in (_said_name(path), path.stem, path.name) if name and name not in found.files)
        found.files[name], found.broken[name] = path, message
    return found


def _said_name(path: Path) -> str:
    """The product that a recipe is of, as far as a file that cannot be read says it: its partition keeps its name."""
    try:
        said = SAYS_ITS_NAME.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return said[1] if said else ""


def find_recipe(recipes: Recipes, product: str) -> Recipe:
    """The recipe of a product, whatever its capitals.

    Raises:
        RecipeError: it cannot be read, or the product is not known; then the message lists those that are.
    """
    name = {known.casefold(): known for known in recipes.products}.get(product.casefold())
    if name is None:
        close = difflib.get_close_matches(product, recipes.products, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RecipeError(f"expected one of the products {', '.join(sorted(recipes.files))}, got {product}{hint}")
    if name in recipes.broken:
        raise RecipeError(recipes.broken[name])
    return recipes[name]


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
