"""Two evaluations of one product side by side: gates with intervals, every set by the exact McNemar test, the flips both ways.

Where both answered the same cases they are paired, elsewhere their shares are compared. A difference is always B minus A.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.evaluation.intervals import independent_difference
from llmops_assets.evaluation.paired_sets import Pairs, SetRow, set_row
from llmops_assets.evaluation.power import plan
from llmops_assets.evaluation.sides import ALL, MEASURES, UNSORTED, Side, shared_cases
from llmops_assets.evaluation.verdict import verdict
from llmops_assets.tasks.case_sets import ACCURACY

ALIAS = {"accuracy_target": "accuracy"}
"""Gates that look at the measure of another gate."""


@dataclass(frozen=True)
class GateRow:
    """One gate of both; None where there is nothing to say. `paired` tells how the interval was made."""

    metric: str
    threshold: str
    a: float | None
    b: float | None
    n_a: int
    n_b: int
    outcome_a: str
    outcome_b: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    paired: bool = False


@dataclass(frozen=True)
class Flip:
    """A case that one of the two got right and the other wrong; `kind` is broke or mended."""

    kind: str
    set: str
    id: str
    asked: str
    expected: str
    got_a: str
    got_b: str


@dataclass(frozen=True)
class Comparison:
    """All that is said about two evaluations; `accuracy` is all cases but those of safety together."""

    product: str
    a: Mapping[str, Any]
    b: Mapping[str, Any]
    gates: tuple[GateRow, ...]
    sets: tuple[SetRow, ...]
    accuracy: SetRow
    flips: tuple[Flip, ...]
    reworded: int
    notes: tuple[str, ...]
    verdict: str
    cases_needed: str


def compare_sides(a: Side, b: Side) -> Comparison:
    """Compares A with B."""
    shared = shared_cases(a, b)
    pairs = shared.pairs
    sets = tuple(row for name in MEASURES if (row := set_row(name, pairs, [MEASURES[name]])).n)
    accuracy = set_row(ALL, pairs, [MEASURES[name] for name in (*ACCURACY, UNSORTED)])
    flips = tuple(flip for name in MEASURES for flip in _flips(name, pairs))
    other_words = {one.id for one, other in pairs if one.known and other.known and one.answered != other.answered}
    return Comparison(
        product=str(b.report["product"]),
        a=a.head,
        b=b.head,
        gates=_gates(a.report, b.report, pairs),
        sets=sets,
        accuracy=accuracy,
        flips=flips,
        reworded=len(other_words - {flip.id for flip in flips}),
        notes=shared.notes,
        verdict=verdict(accuracy, sets),
        cases_needed=plan(accuracy.b, accuracy.n, accuracy.broke + accuracy.mended) if accuracy.n else "",
    )


def _flips(name: str, pairs: Pairs) -> list[Flip]:
    measure, found = MEASURES[name], []
    for one, other in pairs:
        before, after = one.counts.get(measure), other.counts.get(measure)
        if before is not None and after is not None and before != after:
            kind = "broke" if before > after else "mended"
            known = other if other.known else one
            found.append(Flip(kind, name, other.id, known.asked, known.expected, one.got, other.got))
    return sorted(found, key=lambda flip: (flip.kind, flip.id))


def _gates(a: Mapping[str, Any], b: Mapping[str, Any], pairs: Pairs) -> tuple[GateRow, ...]:
    first, second = ({row["metric"]: row for row in report["gates"]} for report in (a, b))
    return tuple(
        _gate_row(name, first.get(name, {}), second.get(name, {}), pairs) for name in dict.fromkeys([*second, *first])
    )


def _gate_row(name: str, a: Mapping[str, Any], b: Mapping[str, Any], pairs: Pairs) -> GateRow:
    outcomes = a.get("outcome", "not judged"), b.get("outcome", "not judged")
    threshold = b.get("threshold") or a.get("threshold", "")
    row = set_row(name, pairs, [ALIAS.get(name, name)])
    if row.n:
        return GateRow(
            name, threshold, row.a, row.b, row.n, row.n, *outcomes, row.difference, row.low, row.high, paired=True
        )
    one, other = a.get("value"), b.get("value")
    n_a, n_b = a.get("n", 0), b.get("n", 0)
    if one is None or other is None:
        return GateRow(name, threshold, one, other, n_a, n_b, *outcomes)
    shares = a.get("low") is not None and b.get("low") is not None
    low, high = independent_difference((round(one * n_a), n_a), (round(other * n_b), n_b)) if shares else (None, None)
    return GateRow(name, threshold, one, other, n_a, n_b, *outcomes, other - one, low, high)
