"""Cases that two versions both answered, set by set: shares, interval of the difference, and the exact McNemar test."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_assets.evaluation.intervals import paired_difference
from llmops_assets.evaluation.power import smallest_difference
from llmops_assets.evaluation.regression import mcnemar
from llmops_assets.evaluation.sides import Case

Pairs = Sequence[tuple[Case, Case]]


@dataclass(frozen=True)
class SetRow:
    """One set, on the cases that both answered; `smallest` is the difference that so many cases would probably show."""

    set: str
    n: int
    a: float
    b: float
    difference: float
    low: float
    high: float
    broke: int
    mended: int
    p_value: float
    smallest: float | None


def set_row(name: str, pairs: Pairs, measures: Sequence[str]) -> SetRow:
    """The paired test on all pairs that have one of the measures."""
    values = _values(pairs, measures)
    n, broke, mended = len(values), sum(a > b for a, b in values), sum(a < b for a, b in values)
    low, high = paired_difference(broke, mended, n)
    a, b = (sum(side) / max(n, 1) for side in (zip(*values, strict=True) if values else ((), ())))
    smallest = smallest_difference(n, (broke + mended) / max(n, 1))
    difference = (mended - broke) / max(n, 1)
    return SetRow(name, n, a, b, difference, low, high, broke, mended, mcnemar(broke, mended), smallest)


def _values(pairs: Pairs, measures: Sequence[str]) -> list[tuple[float, float]]:
    """What both count for in the first of the measures that they have, where both are scored."""
    found = []
    for one, other in pairs:
        measure = next((name for name in measures if name in one.counts and name in other.counts), "")
        first, second = one.counts.get(measure), other.counts.get(measure)
        if first is not None and second is not None:
            found.append((first, second))
    return found
