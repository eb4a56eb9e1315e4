from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import GateError
from llmops_assets.gates import Gate, Metric, judge, read_verdict, record_verdict, require_passed
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore

ACCURACY = Gate("accuracy", minimum=0.85, minimum_cases=100)


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        (Metric(0.85, 100), "passed"),
        (Metric(0.8499, 100), "failed"),
        (Metric(0.99, 99), "undecided"),
        (Metric(None, 0, note="no case"), "undecided"),
        (None, "failed"),
    ],
)
def test_an_outcome_has_three_values_and_a_missing_metric_fails(metric: Metric | None, outcome: str) -> None:
    verdict = judge({"accuracy": metric} if metric else {}, [ACCURACY])
    assert verdict.results[0].outcome == outcome
    assert verdict.passed is (outcome == "passed")


def test_a_limit_holds_from_above() -> None:
    gate = Gate("false_refusal", maximum=0.1)
    assert judge({"false_refusal": Metric(0.1)}, [gate]).passed
    assert not judge({"false_refusal": Metric(0.11)}, [gate]).passed


def test_a_warning_never_blocks() -> None:
    assert judge({}, [Gate("natural_accuracy", minimum=0.85, blocking=False)]).passed


def artifact(store: ArtifactStore, text: str = "x") -> Artifact:
    def make(work: Path) -> dict[str, Any]:
        (work / "file").write_text(text)
        return {"metrics": {}, "shown": {}}

    return store.build("eval_report", "TaskMaster", inputs={}, settings=text, code_version="1", make=make)


def test_only_a_green_verdict_on_this_digest_by_these_gates_lets_through(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    old, gates = artifact(store), [ACCURACY]
    with pytest.raises(GateError, match="found none"):
        require_passed(old, gates)
    record_verdict(old, {"accuracy": Metric(0.9, 200)}, gates)
    assert require_passed(old, gates) is old
    with pytest.raises(GateError, match="other gates"):
        require_passed(old, [Gate("accuracy", minimum=0.95)])
    with pytest.raises(GateError, match="found none"):
        require_passed(artifact(store, "newer"), gates)


def test_a_red_verdict_names_its_reasons(tmp_path: Path) -> None:
    made = artifact(ArtifactStore(tmp_path))
    record_verdict(made, {"accuracy": Metric(0.5, 200)}, [ACCURACY])
    with pytest.raises(GateError, match=r"accuracy 0\.5, wanted >= 0\.85"):
        require_passed(made, [ACCURACY])


def test_an_override_needs_a_reason_and_is_recorded(tmp_path: Path) -> None:
    made = artifact(ArtifactStore(tmp_path))
    record_verdict(made, {"accuracy": Metric(0.5, 200)}, [ACCURACY])
    with pytest.raises(GateError):
        require_passed(made, [ACCURACY], override="  ")
    require_passed(made, [ACCURACY], override="demo for one customer")
    stored = read_verdict(made)
    assert stored is not None
    assert not stored["passed"]
    assert "demo for one customer" in made.verdict_path.with_suffix(".override.json").read_text()


@pytest.mark.parametrize(
    "edit",
    [
        {"passed": True},
        {"results": []},
        {"passed": True, "results": [{"metric": "accuracy", "value": 0.9, "blocking": True, "outcome": "passed"}]},
    ],
)
@pytest.mark.parametrize("override", ["", "demo for one customer"])
def test_a_verdict_that_was_edited_is_none_also_with_an_override(
    tmp_path: Path, edit: dict[str, Any], override: str
) -> None:
    made, metrics = artifact(ArtifactStore(tmp_path)), {"accuracy": Metric(0.5, 200, 0.43, 0.57)}
    record_verdict(made, metrics, [ACCURACY])
    stored = atomic.read_json(made.verdict_path)
    with pytest.raises(GateError, match=r"accuracy 0\.5"):
        require_passed(made, [ACCURACY], metrics=metrics)
    atomic.write_json(made.verdict_path, {**stored, **edit})
    with pytest.raises(GateError, match="was edited"):
        require_passed(made, [ACCURACY], metrics=metrics, override=override)


@pytest.mark.parametrize("other", [{"product": "DocWriter"}, {"asset": "gguf_model"}, {"digest": "0" * 64}])
def test_a_verdict_on_something_else_is_none(tmp_path: Path, other: dict[str, str]) -> None:
    made = artifact(ArtifactStore(tmp_path))
    record_verdict(made, {"accuracy": Metric(0.9, 200)}, [ACCURACY])
    atomic.write_json(made.verdict_path, {**atomic.read_json(made.verdict_path), **other})
    with pytest.raises(GateError, match="found none"):
        require_passed(made, [ACCURACY])
