"""Damages of single answers, by value: what they make, and where they do not apply."""

from typing import Any

import pytest

from llmops_assets.tasks import code_review, docstring
from llmops_assets.tasks.registry import get_task

CREATE = '{"action":"create","title":"call the bank","due":"Monday"}'
DONE = '{"action":"complete","task":"the dentist task"}'
REVIEW = code_review.to_text(
    {"findings": [{"line": 1, "rule": "mutable default"}, {"line": 3, "rule": "leftover print"}]}
)
CLEAN = '{"findings":[]}'
DOC = "Add two numbers.\n\nArgs:\n    a: One.\n    b: Other.\n\nReturns:\n    The sum."


def damaged(kind: str, name: str, gold: str, request: str = "call the bank Monday") -> str | None:
    case: dict[str, Any] = {"messages": [{"role": "user", "content": request}]}
    (mutation,) = (one for one in get_task(kind).mutations if one.name == name)
    return mutation.make(gold, case)


@pytest.mark.parametrize(
    ("kind", "name", "gold", "found"),
    [
        ("command", "echo of the request", CREATE, "call the bank Monday"),
        ("command", "two objects", CREATE, CREATE * 2),
        ("command", "title and due swapped", CREATE, '{"action":"create","title":"Monday","due":"call the bank"}'),
        ("command", "title's last word lost", CREATE, '{"action":"create","title":"call the","due":"Monday"}'),
        ("command", "title's first word lost", CREATE, '{"action":"create","title":"the bank","due":"Monday"}'),
        ("command", "date as repetition", CREATE, '{"action":"create","title":"call the bank","repeat":"Monday"}'),
        ("command", "wrong id", DONE, None),
        ("command", "wrong id", '{"action":"delete","task":"41"}', '{"action":"delete","task":"42"}'),
        ("command", "id as a number", '{"action":"delete","task":"41"}', '{"action":"delete","task":41}'),
        ("command", "task's last word lost", DONE, None),
        ("command", "task's first word lost", DONE, None),
        ("command", "wrong action", DONE, '{"action":"delete","task":"the dentist task"}'),
        ("command", "priority nobody asked for", DONE, None),
        ("command", "answer instead of a refusal", CREATE, None),
        ("command", "answer instead of a refusal", '{"action":"refuse"}', '{"action":"create","title":"call the bank Monday"}'),
        ("command", "refusal instead of the answer", CREATE, '{"action":"refuse"}'),
        ("command", "refusal instead of the answer", '{"action":"none"}', None),
        ("code_review", "first finding missed", REVIEW, '{"findings":[{"line":3,"rule":"leftover print"}]}'),
        ("code_review", "first finding missed", CLEAN, None),
        ("code_review", "one line too early", REVIEW, None),
        ("code_review", "clean in words", CLEAN, "No findings."),
        ("code_review", "clean in words", REVIEW, None),
        ("code_review", "refusal instead of the review", REVIEW, code_review.REFUSAL),
        ("docstring", "result lost", DOC, DOC.split("\n\nReturns")[0]),
        ("docstring", "result invented", DOC, None),
        ("docstring", "error lost", DOC, None),
        ("docstring", "last word lost", DOC, DOC.removesuffix(" sum.")),
        ("docstring", "summary alone", DOC, "Add two numbers."),
        ("docstring", "summary alone", "Add two numbers.", None),
        ("docstring", "summary in reversed words", DOC, DOC.replace("Add two numbers", "Numbers two Add")),
        ("docstring", "refusal instead of the docstring", DOC, docstring.REFUSAL),
    ],
)  # fmt: skip
def test_damages_by_value(kind: str, name: str, gold: str, found: str | None) -> None:
    assert damaged(kind, name, gold) == found


@pytest.mark.parametrize(("kind", "gold"), [("command", CREATE), ("code_review", REVIEW), ("docstring", DOC)])
def test_no_damage_gives_the_right_answer_back(kind: str, gold: str) -> None:
    assert [one.name for one in get_task(kind).mutations if damaged(kind, one.name, gold) == gold] == []
