"""The statistics behind drift, on cases whose answers are known."""

import pytest

from llmops_assets.monitoring.comparing import compare_categories, compare_numbers, compare_rates, holm


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
    ],
)
def test_holm_corrects_for_the_number_of_columns(p_values: list[float], corrected: list[float]) -> None:
    assert holm(p_values) == pytest.approx(corrected)


def test_ks_measures_the_share_that_moved() -> None:
    found = compare_numbers(list(range(100)), [value + 20 for value in range(100)], "either")

    assert found.effect == pytest.approx(0.2)


@pytest.mark.parametrize(("worse", "effect"), [("higher", 0.2), ("lower", 0.0)])
def test_one_sided_ks_sees_the_bad_direction_only(worse: str, effect: float) -> None:
    found = compare_numbers(list(range(100)), [value + 20 for value in range(100)], worse)  # type: ignore[arg-type]

    assert found.effect == pytest.approx(effect)


@pytest.mark.parametrize("moved_to", [4.0, 6.0])
def test_psi_sees_a_move_to_either_side_of_a_value_that_dominates(moved_to: float) -> None:
    baseline = [5.0] * 1800 + [9.0] * 200
    current = [5.0] * 900 + [moved_to] * 900 + [9.0] * 200

    found = compare_numbers(baseline, current, "either")

    assert (found.test, found.effect > 0.3, found.p_value < 1e-6) == ("psi", True, True)


def test_psi_of_equal_samples_is_nothing() -> None:
    found = compare_numbers(list(range(2000)), list(range(2000)), "either")

    assert found.effect == pytest.approx(0.0)
    assert found.p_value == pytest.approx(1.0)


def test_rare_categories_are_pooled_rather_than_believed() -> None:
    # One request each of 20 unseen actions: chi2 without pooling would expect half a request of each.
    baseline = {"create": 380, **{f"rare_{number}": 1 for number in range(20)}}
    current = {"create": 190, **{f"odd_{number}": 1 for number in range(10)}}

    assert compare_categories(baseline, current).p_value > 0.5


def test_one_category_on_both_sides_is_no_difference() -> None:
    found = compare_categories({"create": 300}, {"create": 200})

    assert (found.effect, found.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("size", [200, 4000])
@pytest.mark.parametrize(
    ("worse", "before", "after", "lost"),
    [
        ("higher", 0.1, 0.37, 0.3),
        ("higher", 0.37, 0.1, 0.0),
        ("lower", 0.9, 0.63, 0.3),
        ("lower", 0.63, 0.9, 0.0),
        ("higher", 0.0, 0.0, 0.0),
        ("higher", 1.0, 1.0, 0.0),
    ],
)
def test_a_rate_loses_a_share_of_its_good_outcomes(
    worse: str, before: float, after: float, lost: float, size: int
) -> None:
    def counts(share: float) -> dict[str, int]:
        return {"true": round(share * size), "false": size - round(share * size)}

    found = compare_rates(counts(before), counts(after), worse)  # type: ignore[arg-type]

    assert found.effect == pytest.approx(lost, abs=1e-6)
    assert (found.p_value < 0.05) == (lost > 0)
