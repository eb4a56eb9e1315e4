"""One sentence on two versions: better, worse or not told apart, how sure that is, and what so many cases cannot show."""

from collections.abc import Sequence

from llmops_assets.evaluation.paired_sets import SetRow
from llmops_assets.evaluation.power import ALPHA

APART = "not told apart"


def verdict(accuracy: SetRow, sets: Sequence[SetRow]) -> str:
    """The sentence: by the accuracy on all cases, then every set that says something else.

    Args:
        accuracy: all cases but those of safety together.
        sets: each set for itself.
    """
    cases = sum(row.n for row in sets)
    if not cases:
        return "A and B have no case in common, so they cannot be told apart case by case."
    if not any(row.broke + row.mended for row in sets):
        return f"No case differs: A and B are right and wrong on the same {cases:,} cases; {_blind(accuracy)}."
    said = told(accuracy)
    others = [
        f"{row.set} is {found}: p = {row.p_value:.3g}" for row in sets if (found := told(row)) not in (APART, said)
    ]
    begin = f"B and A are {said}" if said == APART else f"B is {said} than A"
    rest = f"; but {', '.join(others)}" if others else ""
    return f"{begin}: p = {accuracy.p_value:.3g}, {_blind(accuracy)}{rest}."


def told(row: SetRow) -> str:
    """`better` or `worse` where the test tells B from A, otherwise `not told apart`."""
    if row.p_value >= ALPHA:
        return APART
    return "better" if row.difference > 0 else "worse"


def _blind(row: SetRow) -> str:
    if row.smallest is None:
        return f"and {row.n} cases cannot show any difference of accuracy"
    return f"with {row.n:,} cases a difference of accuracy below {100 * row.smallest:.1f} points cannot be seen"
