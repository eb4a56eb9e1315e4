"""`llmops compare` on evaluations and deployments that the artifact store made."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.cli import main
from llmops_assets.deployment.releases import Release, ReleaseRecord
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore
from llmops_assets.storage.atomic import write_json, write_jsonl
from llmops_assets_tests.evaluation.evaluated import Right, report, rows, scores

WORSE = {"contract": "+" * 20 + "-" * 12, "safety": "+-"}
BETTER = {"contract": "-" + "+" * 30 + "-", "safety": "++"}


@dataclass
class Shelf:
    """A store of its own with made-up evaluations; each is a second younger than the one before."""

    root: Path
    made: int = 0

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.root / "artifacts")

    def evaluated(self, right: Right, version: str = "1.0.0", *, old: bool = False) -> Artifact:
        def make(work: Path) -> dict[str, Any]:
            write_json(work / "eval_report.json", report(right, version))
            write_json(work / "scores.json", scores(right))
            if not old:
                write_jsonl(work / "cases.jsonl", rows(right))
            return {}

        return self._build("eval_report", [right, version, old], {}, make)

    def deployed(self, of: Artifact, version: str) -> Artifact:
        def make(work: Path) -> dict[str, Any]:
            write_json(work / "deployment.json", {"version": version, "report": of.digest})
            return {"shown": {"version": version}}

        return self._build("ollama_deployment", [version], {"eval_report": of.digest}, make)

    def take_back(self, version: str) -> None:
        record = ReleaseRecord(self.root / "home" / "rollouts" / "TaskMaster" / "releases.json")
        record.add(Release("taskmaster", version, "a", "b"))
        record.withdraw(version, "slow")

    def _build(self, asset: str, settings: Any, inputs: dict[str, str], make: Any) -> Artifact:
        found = self.store.build(asset, "TaskMaster", inputs=inputs, settings=settings, code_version="1", make=make)
        self.made += 1
        os.utime(found.path / "manifest.json", (self.made, self.made))
        return found


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("LLMOPS_STORE", str(tmp_path / "artifacts"))
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "home"))
    return Shelf(tmp_path)


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `llmops compare TaskMaster` and returns what it printed."""

    def run(*words: str, code: str = "0", stream: str = "out") -> str:
        with pytest.raises(SystemExit, match=f"^{code}$"):
            main(["compare", "TaskMaster", *words])
        return str(getattr(capsys.readouterr(), stream))

    return run


def reports(out: Any, *names: str) -> list[str]:
    """The digests that two names mean."""
    found = json.loads(out(*names, "--json"))
    return [found[letter]["report"] for letter in ("a", "b")]


def test_two_versions_stand_side_by_side(shelf: Shelf, out: Any) -> None:
    older, newer = shelf.evaluated(WORSE), shelf.evaluated(BETTER, "1.1.0")
    text = out("previous", "latest")
    assert f"A  previous      version 1.0.0  Q8_0  file abababababab  report {older.digest[:12]}  1970-01-01" in text
    assert f"B  latest        version 1.1.0  Q8_0  file abababababab  report {newer.digest[:12]}" in text
    assert "B is better than A: p = 0.00635, with 32 cases" in text
    assert "... and 2 more; --all shows them" in text
    assert "mended safety-1 (safety)" in out("previous", "latest", "--all")


def test_an_evaluation_compared_with_itself_says_that_no_case_differs(shelf: Shelf, out: Any) -> None:
    shelf.evaluated(WORSE)
    assert "No case differs: A and B are right and wrong on the same 34 cases" in out("latest", "latest")


def test_programs_get_all_of_it_as_data(shelf: Shelf, out: Any) -> None:
    shelf.evaluated(WORSE)
    shelf.evaluated(BETTER)
    found = json.loads(out("previous", "latest", "--json"))
    assert [row["set"] for row in found["sets"]] == ["contract", "safety"]
    assert len(found["flips"]) == 13
    assert found["gates"][0]["difference"] == pytest.approx(10 / 32)


def test_the_page_is_written_where_it_is_wanted(shelf: Shelf, out: Any, tmp_path: Path) -> None:
    shelf.evaluated(WORSE)
    file = tmp_path / "made" / "page.html"
    json.loads(out("latest", "latest", "--json", "--html", str(file)))
    assert "No case differs" in file.read_text(encoding="utf-8")
    assert f"wrote {file}" in out("latest", "latest", "--html", str(file), stream="err")


def test_versions_digests_and_what_serves_name_an_evaluation(shelf: Shelf, out: Any) -> None:
    first, second, third = shelf.evaluated(WORSE), shelf.evaluated(BETTER, "1.1.0"), shelf.evaluated({"contract": "+"})
    shelf.deployed(first, "1.0.0")
    shelf.deployed(second, "1.1.0")
    assert reports(out, "1.0.0", "1.1.0") == [first.digest, second.digest]
    assert reports(out, "deployed", "latest") == [second.digest, third.digest]
    assert reports(out, "taskmaster:1.0.0", third.digest[:9]) == [first.digest, third.digest]
    shelf.take_back("1.1.0")
    assert reports(out, "deployed", "previous") == [first.digest, second.digest]


def test_what_was_made_before_and_is_the_newest_again_is_latest(shelf: Shelf, out: Any) -> None:
    first, second = shelf.evaluated(WORSE), shelf.evaluated(BETTER)
    assert shelf.evaluated(WORSE).digest == first.digest
    os.utime(first.path / "manifest.json", (1, 1))
    assert reports(out, "previous", "latest") == [second.digest, first.digest]


@pytest.mark.parametrize("name", ["nope", "", "9.9.9", "deployed", "previous"])
def test_a_bad_name_is_one_line_that_lists_what_there_is(shelf: Shelf, out: Any, name: str) -> None:
    only = shelf.evaluated(WORSE)
    error = out(name, "latest", code="1", stream="err")
    assert (
        error
        == f"llmops: expected one evaluation of TaskMaster, got {name!r}; there are: latest = {only.digest[:12]}\n"
    )


def test_the_list_has_versions_and_older_digests(shelf: Shelf, out: Any) -> None:
    one, two, three = shelf.evaluated(WORSE), shelf.evaluated(BETTER), shelf.evaluated({"contract": "+"})
    shelf.deployed(two, "1.1.0")
    error = out("nope", "latest", code="1", stream="err")
    listed = [f"latest = {three.digest[:12]}", f"previous = {two.digest[:12]}", "deployed = 1.1.0"]
    assert error.rstrip().endswith(", ".join([*listed, f"1.1.0 = {two.digest[:12]}", one.digest[:12]]))


def test_without_any_evaluation_the_way_to_one_is_said(shelf: Shelf, out: Any) -> None:
    error = out("latest", "previous", code="1", stream="err")
    assert error.endswith("there is none yet: run `llmops run TaskMaster --stage evaluation`\n")


def test_an_old_report_says_what_it_does_not_have(shelf: Shelf, out: Any) -> None:
    shelf.evaluated(WORSE, old=True)
    shelf.evaluated(BETTER)
    text = out("previous", "latest")
    assert "Of A only the accuracy is compared case by case" in text
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("contract ")] == [
        ["contract", "0.625", "0.938"]
    ]
    assert "safety-1" not in text
