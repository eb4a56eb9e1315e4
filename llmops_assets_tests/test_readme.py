"""The README is true: its tree is the tree, its commands exist, its packages are the ones that are pinned."""

import ast
import os
import re
import shlex
from pathlib import Path

import pytest

from llmops_assets.cli import build_parser

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
OPEN, CLOSE = "<!-- tree -->", "<!-- /tree -->"
TOP = {
    "data": "raw/<product>, eval/<product>, <product>/TASK.md and schema.json, NOTICE, LICENSES; artifacts/ is made",
    "benchmarks": "one script a claim, printing ratios against the plain way run beside it; results/ keeps dated figures",
    "llmops_assets_tests": "mirrors the package",
    "deploy": "the image, Kubernetes manifests, and the instance on PostgreSQL",
    "docs": "what scale costs, and the pictures that this page shows",
    ".claude/skills": "the skill that teaches coding agents this pipeline; `llmops skill install` puts it elsewhere",
    ".ci/run": "what a fresh machine does: the README's commands in order",
    ".ci/products": "which products a workflow trains",
    ".github/workflows": "ci.yml checks and tests; train.yml trains, deploys, rolls back and tells",
    "Makefile": "run, test, dev, check, bench: each sets itself up",
    "constraints.txt": "the pins that were tested",
    "dagster.yaml": "the instance's settings, copied to DAGSTER_HOME",
    "workspace.yaml": "where Dagster finds the definitions",
    "pyproject.toml": "build, ruff, mypy, pytest, dagster",
    "setup.cfg": "the package, its data and its dependencies",
}


def first_sentence(path: Path) -> str:
    said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return re.split(r"(?<=[.])\s", " ".join(said.split()))[0]


def tree() -> str:
    lines = [f"{name:<22} {phrase}" for name, phrase in TOP.items()]
    lines.append("llmops_assets/")
    package = ROOT / "llmops_assets"
    folders = [package, *sorted(path.parent for path in package.rglob("__init__.py") if path.parent != package)]
    for folder in folders:
        depth = len(folder.relative_to(package).parts)
        if depth:
            lines.append(f"{'  ' * depth}{folder.name + '/':<22} {first_sentence(folder / '__init__.py')}".rstrip())
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                lines.append(f"{'  ' * (depth + 1)}{path.name:<22} {first_sentence(path)}")
    return "\n".join(lines)


def test_the_tree_is_complete_and_true() -> None:
    text, wanted = README.read_text(encoding="utf-8"), f"{OPEN}\n```\n{tree()}\n```\n{CLOSE}"
    if os.environ.get("UPDATE_README"):
        before, rest = text.split(OPEN)
        README.write_text(before + wanted + rest.split(CLOSE)[1], encoding="utf-8")
        return
    assert wanted in text, "the tree in README.md is not the tree: UPDATE_README=1 rewrites it"


def test_everything_at_the_top_is_named() -> None:
    known = {name.split("/")[0] for name in TOP} | {"llmops_assets", "README.md", "CHANGELOG.md", "LICENSE"}
    assert {path.name for path in ROOT.iterdir() if path.name in known} == known


def commands(prefix: str) -> list[list[str]]:
    """The commands of the README's shell blocks that begin so, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(prefix)]


@pytest.mark.parametrize("words", commands(".venv/bin/llmops "), ids=" ".join)
def test_every_llmops_command_parses(words: list[str]) -> None:
    assert build_parser().parse_args(words[1:]).command == words[1]


@pytest.mark.parametrize("words", commands("make "), ids=" ".join)
def test_every_make_target_exists(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_dependency_has_a_line_in_the_table_and_a_pin() -> None:
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    wanted = settings.split("install_requires =")[1].split("[options.extras_require]")[0]
    names = [re.split(r"[<>=]", line.strip())[0].lower() for line in wanted.splitlines() if line.strip()]
    table = README.read_text(encoding="utf-8").split("## Dependencies")[1].split("## Decisions")[0].lower()
    pins = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    assert [name for name in names if name not in table] == []
    assert [name for name in names if name.replace("_", "-") not in pins] == []
