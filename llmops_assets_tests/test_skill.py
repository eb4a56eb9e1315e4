"""The skill is true: its commands are the command line's, the quick ones run, its recipe loads, and the package carries it."""

import configparser
import re
import shlex
from pathlib import Path

import pytest
import yaml

from llmops_assets.cli import build_parser, main
from llmops_assets.errors import SkillError
from llmops_assets.pipeline import graph
from llmops_assets.recipes.schema import Recipe
from llmops_assets.skill import PLACE, install_skill, skill_text
from llmops_assets_tests.tiny_project import TinyProject

ROOT = Path(__file__).parents[1]
TOO_LONG = {
    "run TaskMaster --show",
    "run TaskMaster --stage deployment",
    "run MyProduct",
    "ask",
    "compare",
    "serve TaskMaster",
    "dev",
}
"""Beginnings of the commands that train, ask a deployed model, or go on until they are stopped: these only have to parse here.

A new product's run is in test_running: partitions are read when the definitions are imported, so it takes a new process.
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", skill_text(), re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("bash") for line in block.splitlines() if line]
    return [shlex.split(line, comments=True) for line in lines]


def is_quick(words: list[str]) -> bool:
    return not any(" ".join(words[1:]).startswith(beginning) for beginning in TOO_LONG)


def test_the_front_matter_says_what_it_is_for_and_what_it_may_use() -> None:
    _, front, _ = skill_text().split("---\n", 2)
    said = yaml.safe_load(front)
    assert set(said) == {"name", "description", "allowed-tools"}
    assert said["name"] == PLACE.parent.name
    assert 50 < len(said["description"]) < 1024


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_parses(words: list[str]) -> None:
    assert words[0] == "llmops"
    assert build_parser().parse_args(words[1:]).command == words[1]


def test_the_quick_commands_run_in_their_order(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_project.enter(monkeypatch)
    monkeypatch.chdir(tiny_project.root)
    done = []
    for words in filter(is_quick, commands()):
        if words[1:3] == ["data", "diff"]:
            tiny_project.add_row("TaskMaster", "enumerate whatever Zoe promised us lately")
            main_ends_well(["run", "TaskMaster", "--stage", "data"])
        main_ends_well(words[1:])
        done.append(words[1])
    capsys.readouterr()
    assert set(done) == {"doctor", "run", "status", "init", "data", "review", "serve", "gc", "skill", "backfills"}
    assert (tiny_project.root / PLACE).read_text() == skill_text()


def main_ends_well(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0, arguments


def test_the_recipe_that_it_shows_loads() -> None:
    (text,) = blocks("yaml")
    assert Recipe.model_validate(yaml.safe_load(text)).name == "MyProduct"


def test_the_stages_and_assets_that_it_names_are_all_there_are() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (.*?) \|", skill_text().split("## Stages")[1].split("##")[0], re.MULTILINE))
    assert [name for name in rows if name != "stage"] == list(graph.STAGES)
    named = {name for makes in rows.values() for name in re.findall(r"`(\w+)`", makes)}
    assert named == set(graph.BY_NAME)


def test_the_checkout_has_the_same_bytes() -> None:
    """`llmops skill install --force` in the checkout brings them in line; the package's are the source."""
    assert (ROOT / PLACE).read_text(encoding="utf-8") == skill_text()


def test_the_package_carries_it() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    package = ROOT / "llmops_assets"
    patterns = settings["options.package_data"]["llmops_assets"].split()
    carried = {path for pattern in patterns for path in package.glob(pattern)}
    assert package / "skills" / PLACE.parent.name / PLACE.name in carried


def test_a_skill_that_somebody_changed_is_only_overwritten_by_force(tmp_path: Path) -> None:
    target = tmp_path / PLACE
    assert install_skill(tmp_path, force=False) == f"wrote {target}"
    assert install_skill(tmp_path, force=False) == f"{target} is up to date"
    target.write_text("mine")
    with pytest.raises(SkillError, match="got one that was changed; --force overwrites it"):
        install_skill(tmp_path, force=False)
    assert target.read_text() == "mine"
    install_skill(tmp_path, force=True)
    assert target.read_text() == skill_text()


def test_a_project_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SkillError, match="expected a folder to put the skill into, got"):
        install_skill(tmp_path / "nowhere", force=False)
    assert list(tmp_path.iterdir()) == []
