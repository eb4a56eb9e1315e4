import pytest
from scipy.stats import binomtest

from llmops_assets.evaluation.regression import PROFILES, compare, mcnemar


@pytest.mark.parametrize(
    ("broke", "mended"), [(1, 0), (0, 4), (5, 0), (7, 2), (2, 7), (10, 10), (31, 12), (200, 160), (0, 60)]
)
def test_mcnemar_is_the_exact_binomial_test(broke: int, mended: int) -> None:
    assert mcnemar(broke, mended) == pytest.approx(binomtest(broke, broke + mended, 0.5).pvalue, rel=1e-9)


def scores(n: int, wrong: set[int]) -> dict[str, float]:
    return {str(number): 0.0 if number in wrong else 1.0 for number in range(n)}


@pytest.mark.parametrize(
    ("profile", "broke", "mended", "regressed"),
    [
        ("production", 20, 0, True),  # -2 points exactly, yet p is far below 0.05
        ("production", 4, 0, False),  # -0.4 points, p = 0.125
        ("production", 6, 0, True),  # -0.6 points, p = 0.031
        ("production", 60, 39, True),  # -2.1 points, p = 0.04
        ("production", 55, 45, False),  # -1 point, p = 0.37
        ("production", 0, 50, False),
        ("rapid", 4, 0, False),
        ("safety-critical", 1, 0, True),
        ("safety-critical", 0, 1, False),
    ],
)
def test_profiles_draw_the_line(profile: str, broke: int, mended: int, regressed: bool) -> None:
    old = scores(1000, set(range(500, 500 + mended)))
    new = scores(1000, set(range(broke)))
    found = compare(old, new, profile)
    assert (len(found.broke), len(found.mended), found.n) == (broke, mended, 1000)
    assert found.difference == pytest.approx((mended - broke) / 1000)
    assert found.regressed is regressed
    assert found.enough_cases


@pytest.mark.parametrize("profile", PROFILES)
def test_few_cases_are_said_to_be_few(profile: str) -> None:
    wanted = PROFILES[profile][2]
    assert not compare(scores(wanted - 1, set()), scores(wanted - 1, set()), profile).enough_cases
    assert compare(scores(wanted, set()), scores(wanted, set()), profile).enough_cases


def test_nothing_in_common_proves_nothing() -> None:
    found = compare({"a": 1.0}, {"b": 0.0}, "production")
    assert (found.n, found.difference, found.p_value, found.regressed) == (0, 0.0, 1.0, False)
