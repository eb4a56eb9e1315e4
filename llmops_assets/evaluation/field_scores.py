"""Answers field by field: which parts of an answer are right where the whole may not be."""

import re
from collections.abc import Iterable
from typing import Any

from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.tasks.registry import Task

NUMBERED = re.compile(r"^\d+ (.+)$")


def expected_text(task: Task, case: JudgedCase) -> str:
    """The right answer as text; empty where the case has none."""
    return "" if case.case.get("expected") is None else task.gold_text(case.case["expected"])


def differences(task: Task, case: JudgedCase) -> list[dict[str, Any]]:
    """Expected and given answer field by field; empty where one of them is no answer with fields."""
    wanted, got = task.fields(expected_text(task, case)), task.fields(case.answer)
    if not got or not wanted:
        return []
    return [
        {
            "field": name,
            "expected": wanted.get(name, ""),
            "got": got.get(name, ""),
            "same": task.same_field(name, got.get(name), wanted.get(name)),
        }
        for name in dict.fromkeys((*wanted, *got))
    ]


def field_counts(task: Task, cases: Iterable[JudgedCase]) -> dict[str, tuple[int, int]]:
    """Field -> how many are right, of how many: all that were expected, and those that were given without being expected.

    The fields of several actions in one answer (`2 due`) are counted together (`due, of several`).
    """
    found: dict[str, tuple[int, int]] = {}
    for case in cases:
        same = {row["field"]: row["same"] for row in differences(task, case)}
        for field in same or dict.fromkeys(task.fields(expected_text(task, case)), False):
            name = NUMBERED.sub(r"\1, of several", field)
            right, n = found.get(name, (0, 0))
            found[name] = right + bool(same.get(field)), n + 1
    return found
