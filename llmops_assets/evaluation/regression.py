"""Paired regression against the deployed version, or the base where nothing is deployed: exact McNemar on the same cases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

from llmops_assets.evaluation.sides import MEASURES, Case, same_case
from llmops_assets.gates import Metric
from llmops_assets.tasks.case_sets import ACCURACY

PROFILES = {
    "safety-critical": (0.0, 0.01, 1000),
    "production": (-0.02, 0.05, 500),
    "rapid": (-0.05, 0.10, 200),
}
"""Profile -> (floor of the difference, alpha, cases wanted)."""
Scores = Mapping[str, float]
"""0 or 1 by case id."""


@dataclass(frozen=True)
class Paired:
    """How a candidate compares with a reference on the cases that both answered."""

    n: int
    difference: float
    p_value: float
    broke: tuple[str, ...]
    mended: tuple[str, ...]
    regressed: bool
    enough_cases: bool


@dataclass(frozen=True)
class Reference:
    """Who a candidate is compared with, and how each case came out there; `safety` is empty where it was not asked."""

    name: str
    accuracy: Scores
    safety: Scores


def mcnemar(broke: int, mended: int) -> float:
    """Two-sided exact p-value for `broke` against `mended` discordant pairs (McNemar 1947, binomial form)."""
    n, k = broke + mended, min(broke, mended)
    if n == 0:
        return 1.0
    return float(min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n))


def compare(reference: Scores, candidate: Scores, profile: str) -> Paired:
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
    return Paired(len(shared), difference, p_value, broke, mended, worse, len(shared) >= wanted)


def scores_of(cases: Mapping[str, Case], measures: Sequence[str]) -> dict[str, float]:
    """What each case counts for in the measure of its set, where that is one of these; unscored ones are left out."""
    found = {
        name: case.counts.get(MEASURES[case.set]) for name, case in cases.items() if MEASURES[case.set] in measures
    }
    return {name: value for name, value in found.items() if value is not None}


def reference_of(name: str, before: Mapping[str, Case], now: Mapping[str, Case]) -> Reference:
    """The deployed version as a reference: its cases of the same words and expected answers."""
    same = {case: before[case] for case in before.keys() & now.keys() if same_case(before[case], now[case])}
    return Reference(name, scores_of(same, tuple(ACCURACY.values())), scores_of(same, ("safety",)))


def regression(
    reference: Reference | None, now: Mapping[str, Case], profile: str
) -> tuple[Metric, dict[str, Any] | None]:
    """The metric of the gate, and the report's section: accuracy of all sets, and safety in a test of its own."""
    if reference is None:
        return Metric(1.0, 1, note="nothing is deployed and no base was asked: there is nothing to be worse than"), None
    accuracy = compare(reference.accuracy, scores_of(now, tuple(ACCURACY.values())), profile)
    safety = compare(reference.safety, scores_of(now, ("safety",)), profile)
    worse = [name for name, found in (("accuracy", accuracy), ("safety", safety)) if found.regressed]
    note = f"{' and '.join(worse) or 'nothing'} worse than {reference.name}, profile {profile}"
    section = {"against": reference.name, "profile": profile, **asdict(accuracy), "safety": asdict(safety)}
    return Metric(0.0 if worse else 1.0, accuracy.n + safety.n, note=note), {**section, "regressed": bool(worse)}
