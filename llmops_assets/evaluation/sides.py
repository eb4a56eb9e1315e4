"""One side of a comparison: an evaluation's report and its single cases, and which cases two sides share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.tasks.case_sets import ACCURACY

UNSORTED, ALL = "all accuracy", "accuracy of all"
MEASURES = {**ACCURACY, "safety": "safety", "preference": "preference", UNSORTED: UNSORTED}
"""By set, in the order in which they are shown: the measure that says whether an answer is right. The last one holds
the cases of reports of before single cases were kept, which do not tell the set."""


@dataclass(frozen=True)
class Case:
    """One judged case; `known` is False where only its score was kept."""

    set: str
    id: str
    counts: Mapping[str, float | None]
    asked: str = ""
    expected: str = ""
    answered: str = ""
    guard: str = ""
    known: bool = True

    @property
    def got(self) -> str:
        """The answer, and who gave it where that was the guard."""
        return f"{self.answered} (the guard: {self.guard})" if self.guard else self.answered


@dataclass(frozen=True)
class Side:
    """One evaluation.

    Attributes:
        name: A or B.
        head: what a reader identifies it by: name, version, quantization, file, report, made, gates.
        report: the content of eval_report.json.
        cases: by id.
        whole: single cases were kept; otherwise only their accuracy.
    """

    name: str
    head: Mapping[str, Any]
    report: Mapping[str, Any]
    cases: Mapping[str, Case]
    whole: bool = True


@dataclass(frozen=True)
class Shared:
    """The cases that both answered, and what there is to say about the others."""

    pairs: tuple[tuple[Case, Case], ...]
    notes: tuple[str, ...]


def cases_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Case]:
    """The cases of `cases.jsonl`."""
    return {str(row["id"]): Case(**row) for row in rows}


def cases_of_scores(scores: Mapping[str, float], known: Mapping[str, Case]) -> dict[str, Case]:
    """The cases of `scores.json` alone, as reports of before had it; the other side's cases tell the sets, where it has them."""
    found = {}
    for name, score in scores.items():
        group = known[name].set if name in known and known[name].set in ACCURACY else UNSORTED
        found[name] = Case(group, name, {MEASURES[group]: score}, known=False)
    return found


def shared_cases(a: Side, b: Side) -> Shared:
    """The cases with the same id, and the same words and expected answer as far as both tell them."""
    both = [(a.cases[name], b.cases[name]) for name in sorted(a.cases.keys() & b.cases.keys())]
    pairs = tuple(pair for pair in both if same_case(*pair))
    return Shared(pairs, tuple(_notes(a, b, len(both) - len(pairs))))


def same_case(one: Case, other: Case) -> bool:
    """Whether two cases with one id ask the same and expect the same, as far as both tell."""
    if not (one.known and other.known):
        return True
    return (one.set, one.asked, one.expected) == (other.set, other.asked, other.expected)


def _notes(a: Side, b: Side, changed: int) -> list[str]:
    found = ["A and B are the same evaluation."] if a.head["report"] == b.head["report"] else []
    old = " and ".join(side.name for side in (a, b) if not side.whole)
    if old:
        found.append(
            f"Of {old} only the accuracy is compared case by case, and answers are not shown: single cases were not kept "
            "yet. All other gates are compared as shares."
        )
    only_a, only_b = _alone(a, b), _alone(b, a)
    if only_a or only_b:
        found.append(f"Left out: {only_a} cases that only A answered, {only_b} that only B answered.")
    if changed:
        found.append(f"Left out: {changed} cases whose words or expected answer are no longer the same.")
    return found


def _alone(side: Side, other: Side) -> int:
    """Cases that the other could have answered and did not."""
    return sum(
        case.id not in other.cases and (other.whole or case.set in (*ACCURACY, UNSORTED))
        for case in side.cases.values()
    )
