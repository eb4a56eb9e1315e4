"""Imports point one way: a stage may use an earlier one, never a later one, and only the Dagster layer imports dagster."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "llmops_assets"
RINGS = (
    ("console", "errors", "machine", "precision", "shards", "storage"),
    ("gates", "overrides", "verdicts", "processes"),
    ("recipes",),
    ("tasks", "project"),
    ("guard",),
    ("curation",),
    ("training",),
    ("export",),
    ("serving",),
    ("evaluation",),
    ("deployment",),
    ("monitoring",),
    ("productization",),
    ("pipeline",),
    ("triggers",),
    ("notifying",),
    ("resources", "status", "doctor", "skill", "new_product"),
    ("defs",),
    ("definitions", "running"),
    ("upkeep", "ui"),
    ("cli", "commands", "data_commands", "__main__"),
)
RANK = {name: rank for rank, ring in enumerate(RINGS) for name in ring}
DAGSTER_MAY = {"resources", "defs", "definitions", "running", "upkeep", "ui"}
HEAVY = {
    "torch",
    "transformers",
    "trl",
    "peft",
    "unsloth",
    "llama_cpp",
    "llguidance",
    "deepeval",
    "matplotlib",
    "datasets",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_inward(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    ours = {name.split(".")[1] for name in imported(ast.parse(path.read_text())) if name.startswith("llmops_assets.")}
    assert part in RANK, f"{part} has no ring yet"
    assert {name for name in ours if RANK.get(name, -1) > RANK[part]} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_the_dagster_layer_imports_dagster(path: Path) -> None:
    uses = any(name.split(".")[0] == "dagster" for name in imported(ast.parse(path.read_text())))
    assert not uses or part_of(path) in DAGSTER_MAY


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert {name.split(".")[0] for name in imported(top)} & HEAVY == set()
