"""Sample sizes against published values, and against the exact test on all its outcomes."""

import math

import pytest
from scipy.stats import binom, norm

from llmops_assets.evaluation.power import FEWEST, independent_cases, paired_cases, plan, smallest_difference
from llmops_assets.evaluation.regression import mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "power", "n"),
    [
        (0.45, 0.05, 0.8, 23),  # the example of powerandsamplesize.com, which cites Connor
        (0.30, 0.15, 0.8, 155),
        (0.20, 0.10, 0.8, 234),  # MedCalc's example
    ],
)
def test_paired_cases_are_those_of_published_tables(
    only_first: float, only_second: float, power: float, n: int
) -> None:
    assert paired_cases(only_first - only_second, only_first + only_second, power=power) == n


@pytest.mark.parametrize("discordant", [0.03, 0.08, 0.2, 0.6])
def test_paired_cases_are_connors_formula(discordant: float) -> None:
    z, beta, gap = norm.ppf(0.975), norm.ppf(0.8), 0.02
    wanted = (z * discordant**0.5 + beta * (discordant - gap**2) ** 0.5) ** 2 / gap**2
    assert paired_cases(gap, discordant) == math.ceil(wanted)


def exact_power(n: int, gap: float, discordant: float) -> float:
    """The chance that the exact test sees the gap: a sum over all numbers of flips both ways."""
    mended = (discordant + gap) / 2 / discordant
    return sum(
        binom.pmf(flips, n, discordant)
        * sum(binom.pmf(k, flips, mended) for k in range(flips + 1) if mcnemar(flips - k, k) < 0.05)
        for flips in range(int(binom.ppf(1e-6, n, discordant)), int(binom.ppf(1 - 1e-6, n, discordant)) + 1)
    )


def test_so_many_cases_give_the_exact_test_about_the_promised_power() -> None:
    assert exact_power(paired_cases(0.1, 0.3), 0.1, 0.3) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(
    ("one", "other", "power", "n"),
    [
        (0.50, 0.75, 0.90, 77),  # the example of R's power.prop.test: 76.7
        (0.10, 0.20, 0.80, 199),  # Fleiss' table before the correction
        (0.90, 0.88, 0.80, 3841),  # by hand: ((0.867268 + 0.372221) / 0.02) ** 2 = 3840.8
    ],
)
def test_independent_cases_are_those_of_published_tables(one: float, other: float, power: float, n: int) -> None:
    assert independent_cases(one, other, power=power) == independent_cases(other, one, power=power) == n


def test_fewer_flips_than_six_cannot_be_seen() -> None:
    assert FEWEST == 6
    assert mcnemar(0, FEWEST) < 0.05 < mcnemar(0, FEWEST - 1)
    assert paired_cases(1.0, 1.0) == FEWEST
    assert paired_cases(0.02, 0.0) == paired_cases(0.02, 0.02) == 391
    assert smallest_difference(5, 0.5) is None


@pytest.mark.parametrize(("n", "discordant"), [(6, 0.0), (503, 0.0), (503, 0.08), (1143, 0.05), (1143, 0.3)])
def test_the_smallest_difference_is_the_inverse(n: int, discordant: float) -> None:
    found = smallest_difference(n, discordant)
    assert found is not None
    assert paired_cases(found, discordant) <= n < paired_cases(found - 0.0001, discordant)


def test_the_plan_is_one_sentence() -> None:
    assert plan(0.9, 0, 0) == (
        "To see a difference of 2 points (two-sided 5%, power 80%) it takes 3,841 cases each where two versions answer "
        "different ones, fewer where they answer the same: how many, the first comparison will tell."
    )
    assert plan(0.9, 1000, 80).endswith(", 1,568 where they answer the same (80 of 1,000 came out differently).")
    assert plan(0.0, 10, 0).startswith("To see a difference of 2 points")
