"""Paired regression against the deployed version: exact McNemar on the same cases, and the flips both ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

PROFILES = {
    "safety-critical": (0.0, 0.01, 1000),
    "production": (-0.02, 0.05, 500),
    "rapid": (-0.05, 0.10, 200),
}
"""Profile -> (floor of the difference, alpha, cases wanted)."""


@dataclass(frozen=True)
class Regression:
    """How a candidate compares with a reference on the cases that both answered."""

    n: int
    difference: float
    p_value: float
    broke: tuple[str, ...]
    mended: tuple[str, ...]
    regressed: bool
    enough_cases: bool


def mcnemar(broke: int, mended: int) -> float:
    """Two-sided exact p-value for `broke` against `mended` discordant pairs (McNemar 1947, binomial form)."""
    n, k = broke + mended, min(broke, mended)
    if n == 0:
        return 1.0
    return float(min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n))


def compare(reference: Mapping[str, float], candidate: Mapping[str, float], profile: str) -> Regression:
    """Compares 0/1 scores by case id.

    Args:
        reference: the deployed version's score a case.
        candidate: the new version's score a case.
        profile: a key of `PROFILES`.
    """
    floor, alpha, wanted = PROFILES[profile]
    shared = sorted(reference.keys() & candidate.keys())
    broke = tuple(case for case in shared if reference[case] > candidate[case])
    mended = tuple(case for case in shared if reference[case] < candidate[case])
    difference = (len(mended) - len(broke)) / len(shared) if shared else 0.0
    p_value = mcnemar(len(broke), len(mended))
    worse = difference < floor or (difference < 0 and p_value < alpha)
    return Regression(len(shared), difference, p_value, broke, mended, worse, len(shared) >= wanted)
