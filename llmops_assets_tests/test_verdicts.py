"""What a verdict is worth to whoever consumes the artifact."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import GateError
from llmops_assets.gates import Gate, Metric
from llmops_assets.overrides import Override
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore
from llmops_assets.verdicts import Findings, Standing, record_verdict, require_passed, stand

ACCURACY = Gate("accuracy", minimum=0.85, minimum_cases=100)
GREEN, RED = (Findings({"accuracy": Metric(value, 200, value - 0.05, value + 0.05)}) for value in (0.9, 0.5))
ANA = Override(name="Ana", reason="a demo for one customer")


def artifact(store: ArtifactStore, text: str = "x") -> Artifact:
    def make(work: Path) -> dict[str, Any]:
        (work / "file").write_text(text)
        return {"metrics": {}, "shown": {}}

    return store.build("eval_report", "TaskMaster", inputs={}, settings=text, code_version="1", make=make)


@pytest.fixture
def made(tmp_path: Path) -> Artifact:
    return artifact(ArtifactStore(tmp_path))


def judged(made: Artifact, findings: Findings) -> Standing:
    """What the verdict on these findings is worth right after it was given."""
    record_verdict(made, findings, [ACCURACY])
    return stand(made, findings, [ACCURACY])


def edited(made: Artifact, **edit: Any) -> None:
    atomic.write_json(made.verdict_path, {**atomic.read_json(made.verdict_path), **edit})


def test_only_a_green_verdict_on_this_digest_by_these_gates_lets_through(made: Artifact, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="found none"):
        require_passed(stand(made, GREEN, [ACCURACY]))
    assert require_passed(judged(made, GREEN)) is made
    with pytest.raises(GateError, match="other gates"):
        require_passed(stand(made, GREEN, [Gate("accuracy", minimum=0.8)]))
    with pytest.raises(GateError, match="found none"):
        require_passed(stand(artifact(ArtifactStore(tmp_path), "newer"), GREEN, [ACCURACY]))


def test_a_red_verdict_names_its_reasons(made: Artifact) -> None:
    with pytest.raises(GateError, match=r"accuracy 0\.5, wanted >= 0\.85"):
        require_passed(judged(made, RED))


def test_an_override_is_recorded_in_the_verdict_which_stays_red(made: Artifact) -> None:
    assert require_passed(judged(made, RED), ANA) is made
    stored = atomic.read_json(made.verdict_path)
    (row,) = stored["overrides"]
    assert (row["name"], row["reason"], row["gates"]) == ("Ana", "a demo for one customer", ["accuracy"])
    assert not stored["passed"]
    assert [path.name for path in made.path.parent.glob("*override*")] == []


def test_an_override_lets_through_one_run_and_the_next_has_to_say_it_again(made: Artifact) -> None:
    require_passed(judged(made, RED), ANA)
    with pytest.raises(GateError, match="did not pass"):
        require_passed(stand(made, RED, [ACCURACY]))


def test_who_overrides_twice_stands_there_once_and_another_beside(made: Artifact) -> None:
    judged(made, RED)
    for override in (ANA, ANA, Override(name="Bob", reason="the demo again")):
        require_passed(stand(made, RED, [ACCURACY]), override)
    assert [record.name for record in stand(made, RED, [ACCURACY]).overrides] == ["Ana", "Bob"]


def test_overrides_outlast_a_cached_run_and_end_with_another_verdict(made: Artifact) -> None:
    require_passed(judged(made, RED), ANA)
    assert [record.name for record in judged(made, RED).overrides] == ["Ana"]
    assert judged(made, GREEN).overrides == ()


@pytest.mark.parametrize(
    "edit",
    [
        {"passed": True},
        {"results": []},
        {"passed": True, "results": [{"metric": "accuracy", "value": 0.9, "blocking": True, "outcome": "passed"}]},
        {"overrides": [{"name": "Ana"}]},
        {"overrides": "Ana: yes"},
        {"signed_off": "Ana"},
    ],
    ids=lambda edit: next(iter(edit)),
)
@pytest.mark.parametrize("override", [None, ANA])
def test_a_verdict_that_was_edited_is_none_also_with_an_override(
    made: Artifact, edit: dict[str, Any], override: Override | None
) -> None:
    judged(made, RED)
    edited(made, **edit)
    with pytest.raises(GateError, match="was edited"):
        require_passed(stand(made, RED, [ACCURACY]), override)


@pytest.mark.parametrize("other", [{"product": "DocWriter"}, {"asset": "gguf_model"}, {"digest": "0" * 64}])
def test_a_verdict_on_something_else_is_none(made: Artifact, other: dict[str, str]) -> None:
    judged(made, GREEN)
    edited(made, **other)
    with pytest.raises(GateError, match="found none"):
        require_passed(stand(made, GREEN, [ACCURACY]), ANA)


@pytest.mark.parametrize("text", ["", "[]", '{"passed": tr'])
def test_a_verdict_that_cannot_be_read_is_none_and_is_written_anew(made: Artifact, text: str) -> None:
    judged(made, RED)
    made.verdict_path.write_text(text)
    with pytest.raises(GateError):
        require_passed(stand(made, RED, [ACCURACY]), ANA)
    require_passed(judged(made, RED), ANA)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            {"model": "b" * 64, "cases": "c" * 64},
            r"void: model changed \(expected aaaaaaaaaaaa, got bbbbbbbbbbbb\); take",
        ),
        ({"model": "a" * 64, "cases": ""}, r"void: cases changed \(expected cccccccccccc, got none\)"),
        ({"model": "a" * 64, "cases": "c" * 64, "guard": "d" * 64}, r"void: guard changed \(expected none, got dddd"),
        ({"model": "a" * 64}, "void: cases changed"),
    ],
)
def test_a_verdict_whose_ground_moved_is_void(made: Artifact, now: dict[str, str], said: str) -> None:
    findings = Findings(GREEN.metrics, {"model": "a" * 64, "cases": "c" * 64})
    record_verdict(made, findings, [ACCURACY])
    assert require_passed(stand(made, findings, [ACCURACY], findings.grounds)) is made
    with pytest.raises(GateError, match=said):
        require_passed(stand(made, findings, [ACCURACY], now), ANA)
