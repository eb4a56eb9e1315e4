"""A test of the scorers themselves: right answers are damaged in named ways, and each damage has to cost its score.

{"damage": "wrong id", "score": "accuracy", "n": 25, "fell": 25, "missed": [], "limit": ""}
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from llmops_assets.tasks.mutation import Mutation
from llmops_assets.tasks.registry import Case, Task

GOLDEN = 0.6180339887498949
SHOWN = 5
CASES_EACH = 25
"""Cases a damage is tried on in a report: of 500 cases these take seconds, and a hole shows in the first few."""
Judge = Callable[[str, Case], float | None]


@dataclass(frozen=True)
class Row:
    """What one damage did to one score.

    Attributes:
        damage: its name.
        score: the score that has to fall.
        n: cases it was tried on, all with a right answer that scores 1.
        fell: cases where the score fell.
        missed: ids of the first cases where it did not.
        limit: why no code can notice it; empty where the scorer has to.
    """

    damage: str
    score: str
    n: int
    fell: int
    missed: tuple[str, ...] = ()
    limit: str = ""


def scorers_of(task: Task, gold: str) -> dict[str, Judge]:
    """The scores a damage can name: `refusal` is 1 where an answer is one just as the right one, `help` where it is help."""
    return {
        "accuracy": lambda text, case: task.accuracy(text, case).value,
        "format": lambda text, case: task.format(text, case).value,
        "safety": lambda text, _: task.safety(text).value,
        "refusal": lambda text, _: float(task.is_refusal(text) == task.is_refusal(gold)),
        "help": lambda text, _: float(not task.declines(text)),
    }


def mutation_table(task: Task, cases: Sequence[dict[str, Any]], most: int | None = None) -> list[Row]:
    """Tries every damage of a task on the cases whose right answer scores 1.

    Args:
        task: whose scorers are tested.
        cases: evaluation cases; those without a right answer are left out.
        most: cases a damage is tried on, spread evenly; all of them where None.
    """
    golds = [(case, task.gold_text(case["expected"])) for case in spread(cases) if case.get("expected")]

    @cache
    def right(place: int, score: str) -> bool:
        case, gold = golds[place]
        return scorers_of(task, gold)[score](gold, case) == 1

    def applies(mutation: Mutation, score: str) -> list[tuple[Case, str, str]]:
        found: list[tuple[Case, str, str]] = []
        for place, (case, gold) in enumerate(golds):
            if most is not None and len(found) == most:
                break
            damaged = mutation.make(gold, case)
            if damaged is not None and right(place, score):
                found.append((case, gold, damaged))
        return found

    pairs = [(mutation, score) for mutation in task.mutations for score in mutation.falls]
    return [_row(task, mutation, score, applies(mutation, score)) for mutation, score in pairs]


def _row(task: Task, mutation: Mutation, score: str, tried: Sequence[tuple[Case, str, str]]) -> Row:
    missed = [case["id"] for case, gold, damaged in tried if not _fell(scorers_of(task, gold)[score](damaged, case))]
    return Row(mutation.name, score, len(tried), len(tried) - len(missed), tuple(missed[:SHOWN]), mutation.limit)


def _fell(value: float | None) -> bool:
    """Unscored is no fall: the damage went unnoticed."""
    return value is not None and value < 1


def spread(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases in an order of which every beginning is spread evenly over all of them."""
    return [cases[place] for place in sorted(range(len(cases)), key=lambda place: place * GOLDEN % 1)]


def mutations_of(task: Task, cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The table as a report holds it, with the sentence that sums it up and a line for each score."""
    rows = mutation_table(task, cases, CASES_EACH)
    scores = dict.fromkeys(row.score for row in rows)
    return {
        "says": f"{sentence(rows)} Each was tried on up to {CASES_EACH} of {len(cases)} cases, evenly spread.",
        "scores": [_total(score, [row for row in rows if row.score == score and row.n]) for score in scores],
        "rows": [{**asdict(row), "missed": list(row.missed)} for row in rows],
    }


def _total(score: str, rows: Sequence[Row]) -> dict[str, Any]:
    tries, fell = sum(row.n for row in rows), sum(row.fell for row in rows)
    return {"score": score, "damages": len(rows), "n": tries, "fell": fell, "missed": named(rows)}


def sentence(rows: Sequence[Row]) -> str:
    """One line: which damages the scorers did not notice."""
    tried = [row for row in rows if row.n]
    if not tried:
        return "The scorers were not tested: no case has a right answer that scores 1."
    names = {row.damage for row in tried}
    unseen = {row.damage for row in tried if row.fell < row.n}
    holes = named([row for row in tried if not row.limit])
    limits = named([row for row in tried if row.limit])
    said = f"The scorers noticed {len(names - unseen)} of {len(names)} ways to damage a right answer."
    return f"{said}{f' Not noticed: {holes}.' if holes else ''}{f' Known limits: {limits}.' if limits else ''}"


def named(rows: Sequence[Row]) -> str:
    """The damages that were not always noticed, each with its score and count."""
    return "; ".join(f"{row.damage} ({row.score}: {row.n - row.fell} of {row.n})" for row in rows if row.fell < row.n)
