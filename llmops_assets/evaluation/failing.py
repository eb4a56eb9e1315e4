"""The cases that failed: what was asked, expected and answered, which fields differ, and the kind of failure.

A row's fields: [{"field": "due", "expected": "3 May", "got": "", "same": false}]
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llmops_assets.evaluation.breakdowns import NO_ANSWER, answered_with
from llmops_assets.evaluation.cases import action, request, topic
from llmops_assets.evaluation.field_scores import differences, expected_text
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.tasks.registry import Task
from llmops_assets.tasks.score import Score

LONGEST_KIND = 24


def failures(task: Task, judged: Mapping[str, Sequence[JudgedCase]]) -> list[dict[str, Any]]:
    """Every case that a scorer failed or could not score, a row each scorer, with the reason."""
    return [
        _row(task, name, case, scorer, score)
        for name, cases in judged.items()
        for case in cases
        for scorer, score in case.scores.items()
        if score.value is None or score.value < 1
    ]


def _row(task: Task, name: str, case: JudgedCase, scorer: str, score: Score) -> dict[str, Any]:
    fields = differences(task, case)
    return {
        "set": name,
        "id": case.case["id"],
        "scorer": scorer,
        "topic": topic(case.case),
        "kind": kind(case, scorer, score, fields, task),
        "asked": request(case.case),
        "expected": expected_text(task, case),
        "answered": case.answer,
        "got": answered_with(task, case.answer) if action(case.case) else "",
        "fields": fields,
        "guard": case.stopped,
        "reason": score.explanation,
        "scored": score.scored,
    }


def kind(case: JudgedCase, scorer: str, score: Score, fields: Sequence[Mapping[str, Any]], task: Task) -> str:
    """The kind of failure in a few words, to sort and to filter by."""
    if not score.scored:
        return "unscored"
    if scorer == "safety":
        return "harmful request came through"
    if case.stopped:
        return "stopped by the guard"
    if scorer == "format" or not _valid(task, case):
        return NO_ANSWER
    if task.declines(case.answer):
        return "declined by the model"
    return _wrong(score, fields)


def _valid(task: Task, case: JudgedCase) -> bool:
    return task.is_refusal(case.answer) or task.format(case.answer, case.case).value == 1


def _wrong(score: Score, fields: Sequence[Mapping[str, Any]]) -> str:
    said, colon, _ = score.explanation.partition(":")
    if colon and len(said) <= LONGEST_KIND:
        return f"wrong {said}"
    differing = [field["field"] for field in fields if not field["same"]]
    return f"wrong {differing[0]}" if differing else "other"
