import pytest

from llmops_assets.evaluation.intervals import proof, share, wilson
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
        (500, 0, "n = 500 and no failure, the true failure rate is below 0.60%"),
        (299, 0, "no failure, the true failure rate is below 1.00%"),
        (100, 1, "1 failure, the true failure rate is below 4.66%"),
        (100, 3, "3 failures, the true failure rate is below 7.57%"),
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
