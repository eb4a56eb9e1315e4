"""The judged cases cut in several ways: accuracy by set, action, field, source, length; safety by family; who stopped what; latency.

A row: {"name": "create", "n": 120, "share": 0.9, "low": 0.833, "high": 0.942, "unscored": 0}
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from llmops_assets.evaluation.answering import Answer
from llmops_assets.evaluation.cases import action, request, topic
from llmops_assets.evaluation.field_scores import field_counts
from llmops_assets.evaluation.intervals import wilson
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.scorecard import refused, wanting_help, wants_help
from llmops_assets.tasks.case_sets import HELPFUL
from llmops_assets.tasks.command import CLOCK
from llmops_assets.tasks.registry import Task

Row = dict[str, Any]
Judged = Mapping[str, Sequence[JudgedCase]]
EDGES = (40, 80, 160, 320, 640)
"""Upper ends of the length groups, in characters."""
LENGTHS = (
    f"up to {EDGES[0]}",
    *(f"{low + 1} to {high}" for low, high in pairwise(EDGES)),
    f"over {EDGES[-1]}",
)
SHARES = (*(number / 20 for number in range(20)), 0.99, 1.0)
"""Where the latency curve is read."""
NO_ANSWER = "no valid answer"


def breakdowns(task: Task, judged: Judged, answers: Iterable[Answer]) -> dict[str, Any]:
    """All of them, as `breakdowns` of the report holds them.

    Args:
        task: what kind of product was judged.
        judged: the cases of every set as shipped, model and guard.
        answers: what the model said, for the latency.
    """
    return {
        "grouped_by": "action" if any(action(case.case) for case in _helpful(judged)) else "category",
        "accuracy": accuracy(task, judged),
        "confusion": confusion(task, _helpful(judged)),
        "safety": safety(judged["safety"]),
        "calibration": calibration(judged["safety"], wanting_help(task, judged)),
        "stops": [*harmful_stops(task, judged["safety"]), *legitimate_stops(task, wanting_help(task, judged))],
        "false_refusals": false_refusals(task, judged),
        "latency": latency(answers),
    }


def row(name: str, successes: int, n: int, unscored: int = 0) -> Row:
    """A share with its Wilson interval; without a case there is no share."""
    low, high = wilson(successes, n)
    found: tuple[float | None, ...] = (round(successes / n, 6), round(low, 6), round(high, 6)) if n else (None,) * 3
    return {"name": name, "n": n, "share": found[0], "low": found[1], "high": found[2], "unscored": unscored}


def grouped(cases: Iterable[JudgedCase], scorer: str, name_of: Callable[[JudgedCase], str]) -> list[Row]:
    """The share that a scorer passed, a row for each name, the worst first; a case without a name is in none."""
    groups: dict[str, list[float | None]] = {}
    for case in cases:
        if name := name_of(case):
            groups.setdefault(name, []).append(case.scores[scorer].value)
    rows = []
    for name, values in groups.items():
        scored = [value for value in values if value is not None]
        rows.append(row(name, round(sum(scored)), len(scored), len(values) - len(scored)))
    return sorted(rows, key=lambda one: (one["share"] is None, one["share"], one["name"]))


def length_group(text: str) -> str:
    """The name of the length group of a request."""
    return LENGTHS[bisect_left(EDGES, len(text))]


def accuracy(task: Task, judged: Judged) -> dict[str, list[Row]]:
    """Accuracy of the sets that want an answer, in every way that the cases tell; what they do not tell is left out."""
    cases = _helpful(judged)
    by_length = {one["name"]: one for one in grouped(cases, "accuracy", lambda case: length_group(request(case.case)))}
    found = {
        "set": [one for name in HELPFUL for one in grouped(judged.get(name, ()), "accuracy", _called(name))],
        "action": grouped(cases, "accuracy", lambda case: action(case.case)),
        "field": [row(name, *counts) for name, counts in sorted(field_counts(task, cases).items())],
        "category": grouped(cases, "accuracy", lambda case: "" if action(case.case) else topic(case.case)),
        "difficulty": grouped(cases, "accuracy", lambda case: str(case.case.get("difficulty") or "")),
        "source": grouped(cases, "accuracy", lambda case: str(case.case.get("source") or "")),
        "length": [by_length[name] for name in LENGTHS if name in by_length],
    }
    return {name: rows for name, rows in found.items() if rows}


def safety(cases: Sequence[JudgedCase]) -> dict[str, list[Row]]:
    """Safety by attack family and by source."""
    return {
        key: grouped(cases, "safety", lambda case, key=key: str(case.case.get(key) or ""))  # type: ignore[misc]
        for key in ("family", "source")
    }


def calibration(harmful: Iterable[JudgedCase], helpful: Iterable[JudgedCase]) -> list[Row]:
    """What the guard's probability is worth: in each tenth of it, the share of requests that are harmful indeed."""
    tenths: dict[int, list[float]] = {}
    for group, wanted in ((harmful, 1.0), (helpful, 0.0)):
        for case in group:
            if case.stop is not None:
                tenths.setdefault(min(9, int(case.stop * 10)), []).append(wanted)
    return [
        row(f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}", round(sum(found)), len(found))
        for tenth, found in sorted(tenths.items())
    ]


def confusion(task: Task, cases: Iterable[JudgedCase]) -> list[Row]:
    """How often each expected action was answered with each action; empty where answers have none."""
    counts = Counter((expected, answered_with(task, case.answer)) for case in cases if (expected := action(case.case)))
    return [{"expected": expected, "got": got, "n": n} for (expected, got), n in sorted(counts.items())]


def answered_with(task: Task, text: str) -> str:
    """The action of an answer."""
    got = str(task.to_envelope(text, CLOCK, "")["action"])
    return NO_ANSWER if got == "error" else got


def harmful_stops(task: Task, cases: Sequence[JudgedCase]) -> list[Row]:
    """What became of harmful requests."""

    def outcome(case: JudgedCase) -> str:
        if case.stopped:
            return "stopped by the guard"
        if case.scores["safety"].value != 1:
            return "came through"
        return "refused by the model" if task.declines(case.answer) else "answered without harm"

    names = ("stopped by the guard", "refused by the model", "answered without harm", "came through")
    return _outcomes("harmful", names, map(outcome, cases))


def legitimate_stops(task: Task, cases: Sequence[JudgedCase]) -> list[Row]:
    """What became of requests that want help."""

    def outcome(case: JudgedCase) -> str:
        if case.stopped:
            return "stopped by the guard"
        return "refused by the model" if task.declines(case.answer) else "helped"

    names = ("stopped by the guard", "refused by the model", "helped")
    return _outcomes("legitimate", names, map(outcome, cases))


def _outcomes(requests: str, names: Sequence[str], outcomes: Iterable[str]) -> list[Row]:
    counts = Counter(outcomes)
    return [{"requests": requests, "count": counts[name], **row(name, counts[name], counts.total())} for name in names]


def false_refusals(task: Task, judged: Judged) -> list[Row]:
    """Every request that deserved help and was stopped or refused; of the look-alikes all, as their gate counts them."""
    return [
        {
            "set": name,
            "id": case.case["id"],
            "asked": request(case.case),
            "by": "guard" if case.stopped else "model",
            "reason": case.stopped or "the model refused it",
        }
        for name in reversed(HELPFUL)
        for case in judged.get(name, ())
        if refused(task, case) and (name == "legitimate" or wants_help(task, case))
    ]


def latency(answers: Iterable[Answer]) -> list[Row]:
    """The quantiles of the latency, for each number of requests that were under way together."""
    groups: dict[int, list[float]] = {}
    for answer in answers:
        groups.setdefault(answer.at_once, []).append(answer.latency_s)
    return [
        {
            "at_once": at_once,
            "n": len(groups[at_once]),
            "quantiles": [{"share": share, "seconds": round(quantile(groups[at_once], share), 4)} for share in SHARES],
        }
        for at_once in sorted(groups)
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share lies at or below, between neighbours in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _called(name: str) -> Callable[[JudgedCase], str]:
    return lambda _: name


def _helpful(judged: Judged) -> list[JudgedCase]:
    return [case for name in HELPFUL for case in judged.get(name, ())]
