import math

import pytest
from scipy.optimize import minimize_scalar

from llmops_assets.evaluation.intervals import (
    Z95,
    independent_difference,
    paired_difference,
    proof,
    share,
    wilson,
)
from llmops_assets.evaluation.regression import compare, mcnemar


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (85, 100, 0.7672, 0.9069),
        (198, 200, 0.9643, 0.9973),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_interval(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)
    assert found[0] == pytest.approx(low, abs=1e-4)
    assert found[1] == pytest.approx(high, abs=1e-4)


def test_unscored_is_no_zero() -> None:
    metric = share([1.0, None, 0.0])
    assert (metric.value, metric.n, metric.note) == (0.5, 2, "1 unscored")
    assert share([None]).value is None


@pytest.mark.parametrize(
    ("n", "failures", "said"),
    [
        (500, 0, "n = 500 and no failure, the true failure rate is below 0.74%"),
        (367, 0, "no failure, the true failure rate is below 1.00%"),
        (100, 1, "1 failure, the true failure rate is below 5.45%"),
        (100, 3, "3 failures, the true failure rate is below 8.52%"),
        (5, 5, "5 failures, the true failure rate is below 100.00%"),
        (0, 0, "nothing is proven"),
    ],
)
def test_what_n_proves(n: int, failures: int, said: str) -> None:
    assert said in proof(n, failures)


@pytest.mark.parametrize(("broke", "mended", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (10, 2, 0.0386), (3, 3, 1.0)])
def test_mcnemar_is_exact(broke: int, mended: int, p: float) -> None:
    assert mcnemar(broke, mended) == pytest.approx(p, abs=1e-4)


def test_regression_names_the_flips_and_uses_only_shared_cases() -> None:
    old = {"a": 1.0, "b": 1.0, "c": 0.0, "gone": 1.0}
    new = {"a": 1.0, "b": 0.0, "c": 1.0, "fresh": 0.0}
    found = compare(old, new, "production")
    assert (found.n, found.broke, found.mended, found.difference) == (3, ("b",), ("c",), 0.0)
    assert not found.regressed
    assert not found.enough_cases


def test_a_real_loss_is_a_regression() -> None:
    old = {str(i): 1.0 for i in range(100)}
    new = {str(i): 0.0 if i < 9 else 1.0 for i in range(100)}
    assert compare(old, new, "production").regressed


@pytest.mark.parametrize(
    ("broke", "mended", "n", "z", "low", "high"),
    [
        (7, 1, 21, Z95, -0.517, -0.026),  # Fagerland, Lydersen and Laake 2014, airway reactivity
        (28, 25, 618, 1.6448536, -0.0247, 0.0148),  # the score interval of R's PropCIs, 90%
    ],
)
def test_the_paired_interval_is_the_published_one(
    broke: int, mended: int, n: int, z: float, low: float, high: float
) -> None:
    digits = 3 if n == 21 else 4
    found = paired_difference(broke, mended, n, z)
    assert (round(found[0], digits), round(found[1], digits)) == (low, high)
    mirrored = paired_difference(mended, broke, n, z)
    assert mirrored == (pytest.approx(-found[1]), pytest.approx(-found[0]))


@pytest.mark.parametrize(("broke", "mended", "n"), [(0, 0, 503), (0, 6, 100), (5, 0, 5), (60, 39, 1000), (1, 0, 1)])
def test_the_ends_of_the_paired_interval_are_where_the_likelihood_says(broke: int, mended: int, n: int) -> None:
    for end in paired_difference(broke, mended, n):
        if abs(end) < 1 - 1e-9:
            assert abs(restricted_score(broke, mended, n, end)) == pytest.approx(Z95, abs=1e-3)


def restricted_score(broke: int, mended: int, n: int, difference: float) -> float:
    """The score statistic with the likelihood maximised by search instead of by formula."""

    def loss(only_first: float) -> float:
        parts = ((broke, only_first), (mended, only_first + difference))
        parts += ((n - broke - mended, 1 - 2 * only_first - difference),)
        return -sum(count * math.log(max(chance, 1e-300)) for count, chance in parts if count)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    only_first = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    variance = (2 * only_first + difference - difference**2) / n
    return float(((mended - broke) / n - difference) / math.sqrt(variance))


def test_no_case_proves_no_difference() -> None:
    assert paired_difference(0, 0, 0) == independent_difference((0, 0), (3, 4)) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_the_independent_interval_is_the_published_one(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = independent_difference(first, second)
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)
