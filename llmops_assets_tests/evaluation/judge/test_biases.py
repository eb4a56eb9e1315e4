"""The statistics, by value."""

from typing import Any

import pytest

from llmops_assets.evaluation.judge.biases import BothOrders, agreement, position_bias, spearman

PRODUCT, OTHER, TIE = ("product", "product"), ("other", "other"), ("tie", "tie")
FIRST, SECOND = ("product", "other"), ("other", "product")


def found(*pairs: tuple[str, str]) -> dict[str, Any]:
    return position_bias([BothOrders(*pair) for pair in pairs])


def test_wins_count_where_both_orders_agree() -> None:
    seen = found(PRODUCT, PRODUCT, OTHER, TIE)
    assert (seen["n"], seen["product"], seen["other"], seen["tie"], seen["changed"]) == (4, 2, 1, 1, 0)
    assert (seen["p_value"], seen["biased"]) == (1.0, False)


@pytest.mark.parametrize(("pair", "first", "second"), [(FIRST, 6, 0), (SECOND, 0, 6)])
def test_a_judge_that_always_prefers_one_place_is_biased(pair: tuple[str, str], first: int, second: int) -> None:
    seen = found(*[pair] * 6)
    assert (seen["leans_first"], seen["leans_second"], seen["changed"]) == (first, second, 6)
    assert seen["p_value"] == pytest.approx(2 / 2**6)
    assert seen["biased"]
    assert seen["product"] == seen["other"] == 0


def test_five_such_pairs_prove_no_bias_yet_and_changes_both_ways_are_noise() -> None:
    assert not found(*[FIRST] * 5)["biased"]
    assert found(*[FIRST] * 5, *[SECOND] * 5)["p_value"] == 1.0


@pytest.mark.parametrize(
    ("pair", "lean"),
    [
        (("product", "tie"), 1),
        (("tie", "other"), 1),
        (("tie", "product"), -1),
        (("other", "tie"), -1),
        (FIRST, 2),
        (PRODUCT, 0),
    ],
)
def test_a_tie_that_a_new_order_breaks_leans_too(pair: tuple[str, str], lean: int) -> None:
    assert BothOrders(*pair).lean == lean


def test_without_pairs_nothing_is_claimed() -> None:
    assert (found()["n"], found()["p_value"], found()["biased"]) == (0, 1.0, False)


@pytest.mark.parametrize(
    ("points", "rho"),
    [
        ([(1, 10), (2, 20), (3, 25), (5, 400)], 1.0),
        ([(5, 10), (4, 20), (3, 25)], -1.0),
        # ranks 1.5 1.5 3 4 against 1 2 3 4: 4.5 / sqrt(4.5 * 5)
        ([(2, 1), (2, 2), (4, 3), (5, 4)], 0.9487),
        ([(3, 10), (3, 20), (3, 30)], None),
        ([(1, 10), (2, 20)], None),
        ([], None),
    ],
)
def test_rank_correlation_with_ties(points: list[tuple[float, float]], rho: float | None) -> None:
    seen = spearman(points)
    assert (seen["rho"], seen["n"]) == (rho, len(points))


def test_agreement_is_told_with_chance_and_as_a_table() -> None:
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    seen = agreement(pairs)
    assert (seen["n"], seen["agreement"], seen["kappa"]) == (50, 0.7, 0.4)
    assert (seen["both_right"], seen["judge_only"], seen["scorer_only"], seen["both_wrong"]) == (20, 5, 10, 15)
    assert seen["low"] == pytest.approx(0.562, abs=1e-3)
    assert seen["high"] == pytest.approx(0.809, abs=1e-3)
    assert (agreement([])["agreement"], agreement([])["kappa"]) == (None, None)
