"""What a failing command may say, and the workshop of a tiny product in this process."""

import subprocess

import pytest

from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.recipes.loading import find_recipe, load_recipes
from llmops_assets_tests.tiny_project import TinyProject


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    """What the command line says of a failure: one line, and no traceback anywhere."""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("llmops: ")
    assert "Traceback" not in done.stdout
    return line


def workshop(project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """TaskMaster's, silent."""
    entered = project.enter(monkeypatch)
    return Workshop(entered, find_recipe(load_recipes(entered.recipes), "TaskMaster"), lambda _: None)
