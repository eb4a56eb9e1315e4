"""How many cases it takes to see a difference, and how small a difference n cases can show."""

import math
from statistics import NormalDist

ALPHA, POWER, POINTS = 0.05, 0.80, 0.02
"""Two-sided level, chance to see what is there, and the difference that the report plans for."""
FEWEST = math.ceil(1 + math.log2(1 / ALPHA))
"""Flips all one way that the exact test needs at least: six, for 2 * 0.5 ** 6 is below 0.05."""


def paired_cases(difference: float, discordant: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Cases that McNemar's test needs where both versions answer the same ones (Connor 1987, Biometrics 43:207).

    Args:
        difference: of the two shares, e.g. 0.02; its sign does not matter.
        discordant: the share of cases that only one of the two gets right; at least the difference, or taken to be so.
        alpha: two-sided level.
        power: the chance to see a difference of this size.
    """
    normal, gap = NormalDist().inv_cdf, abs(difference)
    either = max(discordant, gap)
    root = normal(1 - alpha / 2) * math.sqrt(either) + normal(power) * math.sqrt(either - gap * gap)
    return math.ceil(max((root / gap) ** 2, FEWEST / gap))


def independent_cases(one: float, other: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Cases that each of two versions needs where they answer different ones (Fleiss 1981, without continuity correction)."""
    normal, mean = NormalDist().inv_cdf, (one + other) / 2
    apart = math.sqrt(one * (1 - one) + other * (1 - other))
    root = normal(1 - alpha / 2) * math.sqrt(2 * mean * (1 - mean)) + normal(power) * apart
    return math.ceil((root / (one - other)) ** 2)


def smallest_difference(n: int, discordant: float) -> float | None:
    """The smallest difference that n cases answered by both would probably show; None where they cannot show any.

    The inverse of `paired_cases`, to a hundredth of a point.
    """
    if n < FEWEST:
        return None
    low, high = 0, 10_000
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_cases(middle / 10_000, discordant) <= n else (middle, high)
    return high / 10_000


def plan(share: float, shared: int, flips: int) -> str:
    """One sentence on the cases that a difference of `POINTS` needs.

    Args:
        share: the accuracy, for versions that answer different cases.
        shared: cases that two versions both answered; 0 where there is nothing to compare with yet.
        flips: those of them that came out differently.
    """
    other = share - POINTS if share >= POINTS else share + POINTS
    apart = f"{independent_cases(share, other):,} cases each where two versions answer different ones"
    beginning = (
        f"To see a difference of {100 * POINTS:g} points (two-sided {ALPHA:.0%}, power {POWER:.0%}) it takes {apart}"
    )
    if not shared:
        return f"{beginning}, fewer where they answer the same: how many, the first comparison will tell."
    same = paired_cases(POINTS, flips / shared)
    return f"{beginning}, {same:,} where they answer the same ({flips} of {shared:,} came out differently)."
