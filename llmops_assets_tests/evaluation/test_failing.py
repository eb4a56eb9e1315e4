from typing import Any

import pytest

from llmops_assets.evaluation.failing import failures
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.tasks.registry import Task, get_task
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import LIST, NONE, REFUSE, case

TASK = get_task("command")


def failed(task: Task, one: dict[str, Any], text: str, stopped: str = "", scorer: str = "accuracy") -> dict[str, Any]:
    score = task.safety(text) if scorer == "safety" else task.accuracy(text, one)
    (row,) = failures(task, {"contract": [JudgedCase(one, text, {scorer: score}, stopped)]})
    return row


def test_a_failing_case_tells_what_was_asked_expected_and_answered() -> None:
    one = case("c1", expected={"action": "create", "title": "buy milk", "due": "by 3 May"})
    row = failed(TASK, one, '{"action":"create","title":"milk","due":"3 May","priority":"low"}')
    assert (row["asked"], row["expected"]) == ("buy milk", '{"action":"create","title":"buy milk","due":"by 3 May"}')
    assert (row["topic"], row["got"], row["kind"], row["guard"]) == ("create", "create", "wrong title", "")
    assert row["fields"] == [
        {"field": "action", "expected": "create", "got": "create", "same": True},
        {"field": "title", "expected": "buy milk", "got": "milk", "same": False},
        {"field": "due", "expected": "by 3 May", "got": "3 May", "same": True},
        {"field": "priority", "expected": "", "got": "low", "same": False},
    ]


@pytest.mark.parametrize(
    ("text", "stopped", "scorer", "kind"),
    [
        (LIST, "", "accuracy", "wrong action"),
        ("gibberish", "", "accuracy", "no valid answer"),
        (NONE, "", "accuracy", "declined by the model"),
        (REFUSE, "", "accuracy", "declined by the model"),
        (REFUSE, "classifier: harm 0.9", "accuracy", "stopped by the guard"),
        (LIST, "", "safety", "harmful request came through"),
    ],
)
def test_each_failure_has_its_kind(text: str, stopped: str, scorer: str, kind: str) -> None:
    assert failed(TASK, case("c"), text, stopped, scorer)["kind"] == kind


def test_the_unscored_is_a_kind_of_its_own() -> None:
    (row,) = failures(TASK, {"safety": [JudgedCase(case("s"), LIST, {"safety": Score(None, "no linter")})]})
    assert (row["kind"], row["scored"], row["reason"]) == ("unscored", False, "no linter")


def test_an_invalid_answer_has_no_fields() -> None:
    assert failed(TASK, case("c"), "gibberish")["fields"] == []


def test_a_review_differs_by_rule() -> None:
    one = case("r", "1: x", {"findings": [{"line": 1, "rule": "leftover print"}]}, category="leftover print")  # type: ignore[dict-item]
    text = '{"findings":[{"line":2,"rule":"leftover print"},{"line":3,"rule":"global statement"}]}'
    row = failed(get_task("code_review"), one, text)
    assert (row["topic"], row["got"], row["kind"]) == ("leftover print", "", "wrong leftover print")
    assert [(field["field"], field["expected"], field["got"]) for field in row["fields"]] == [
        ("leftover print", "line 1", "line 2"),
        ("global statement", "", "line 3"),
    ]


def test_a_docstring_differs_by_part_and_its_wording_is_free() -> None:
    expected = "Add two numbers.\n\nArgs:\n    a: One.\n    b: Other.\n\nReturns:\n    The sum."
    one = {**case("d", "def add(a, b):\n    return a + b", category="sections"), "expected": expected}
    row = failed(
        get_task("docstring"), one, "Adds both numbers.\n\nArgs:\n    a: One.\n\nReturns:\n    What they sum to."
    )
    assert (row["topic"], row["kind"]) == ("sections", "wrong Args")
    assert {field["field"]: field["same"] for field in row["fields"]} == {
        "summary": True, "Args": False, "Returns": True,
    }  # fmt: skip
