from dataclasses import replace

import pytest

from llmops_assets.evaluation.parity_table import StageAnswers, parity_metric, parity_table
from llmops_assets.recipes.evaluation import ParityTolerances

IDS = ("a", "b", "c", "d")
GOOD = ("1", "2", "3", "4")
ONE_OFF = ("1", "2", "x", "4")
TOLERANCES = ParityTolerances(merged=1.0, dpo_accuracy_drop=0.25, f16=0.75, quantised=0.75, served=1.0)


def said(stage: str, texts: tuple[str, ...] = GOOD, gold: tuple[float, ...] = (), prompts: str = "h") -> StageAnswers:
    scores = [float(text == right) for text, right in zip(texts, GOOD, strict=True)]
    return StageAnswers(stage, texts, scores, prompts, gold)


ALL = [said(stage) for stage in ("adapter", "merged", "dpo", "f16", "quantised", "served")]


def test_equal_answers_keep_every_step_within_its_tolerance() -> None:
    table = parity_table(IDS, ALL, {}, TOLERANCES)
    assert [row["held"] for row in table["rows"]] == [None, True, True, True, True, True]
    assert [row["same_as_first"] for row in table["rows"]] == [None, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert (table["prompt_sha256"], table["other_prompts"]) == ("h", [])
    metric = parity_metric(table)
    assert (metric.value, metric.n) == (1.0, 5)
    assert metric.note == "4 cases; 5 of 5 steps kept within their tolerance"


def test_a_step_that_changes_an_answer_is_seen_where_it_happens() -> None:
    stages = [*ALL[:4], said("quantised", ONE_OFF), said("served", ONE_OFF)]
    rows = parity_table(IDS, stages, {}, TOLERANCES)["rows"]
    assert [row["same_as_before"] for row in rows] == [None, 1.0, 1.0, 1.0, 0.75, 1.0]
    assert [row["same_as_first"] for row in rows] == [None, 1.0, 1.0, 1.0, 0.75, 0.75]
    assert [row["first_difference"] for row in rows] == ["", "", "", "", "c", ""]
    assert [row["accuracy"] for row in rows] == [1.0, 1.0, 1.0, 1.0, 0.75, 0.75]
    assert rows[4]["held"]


def test_a_step_beyond_its_tolerance_is_named_with_the_first_case() -> None:
    table = parity_table(IDS, [said("adapter"), said("merged", ONE_OFF)], {}, TOLERANCES)
    assert table["says"] == "merged model: 0.750 the same as before, accuracy 0.750 (the same >= 1 wanted), first in c"
    assert parity_metric(table).value == 0.0


@pytest.mark.parametrize(
    ("texts", "held"), [(("y", "2", "3", "4"), True), (("y", "y", "3", "4"), False), (("y", "y", "y", "y"), False)]
)
def test_dpo_may_change_answers_but_not_lose_right_ones(texts: tuple[str, ...], held: bool) -> None:
    rows = parity_table(IDS, [said("merged"), said("dpo", texts)], {}, TOLERANCES)["rows"]
    assert (rows[1]["tolerance"], rows[1]["held"]) == ("accuracy falls by <= 0.25", held)


def test_dpo_that_mends_answers_is_within_any_tolerance() -> None:
    strict = ParityTolerances(dpo_accuracy_drop=0.0)
    assert parity_table(IDS, [said("merged", ONE_OFF), said("dpo")], {}, strict)["rows"][1]["held"]


def test_an_unscored_accuracy_is_no_kept_one() -> None:
    unscored = replace(said("dpo"), scores=[None] * 4)
    table = parity_table(IDS, [said("merged"), unscored], {}, TOLERANCES)
    assert not table["rows"][1]["held"]
    assert "accuracy unscored" in table["says"]


def test_the_gap_of_the_right_answer_is_a_mean_of_absolute_differences() -> None:
    stages = [said("adapter", gold=(-1, -2, -3, -4)), said("merged", gold=(-1.5, -1.5, -3, -4)), said("dpo")]
    rows = parity_table(IDS, stages, {}, TOLERANCES)["rows"]
    assert [row["gold_gap"] for row in rows] == [None, 0.25, None]


def test_a_step_over_a_missing_stage_is_shown_and_not_judged() -> None:
    stages = [said("adapter"), said("dpo", ONE_OFF), said("quantised", ONE_OFF)]
    table = parity_table(IDS, stages, {"merged": "its files were dropped", "f16": "gone"}, TOLERANCES)
    assert [row["held"] for row in table["rows"]] == [None, None, None]
    assert [row["same_as_before"] for row in table["rows"]] == [None, 0.75, 1.0]
    assert table["left_out"][0] == {"stage": "merged model", "reason": "its files were dropped"}
    metric = parity_metric(table)
    assert (metric.value, metric.n, metric.note) == (None, 0, "no two stages in a row could be asked")


def test_where_the_f16_file_ships_the_served_answer_comes_right_after_it() -> None:
    rows = parity_table(IDS, [said("dpo"), said("f16"), said("served", ONE_OFF)], {}, TOLERANCES, one_file=True)["rows"]
    assert [row["held"] for row in rows] == [None, True, False]
    apart = parity_table(IDS, [said("f16"), said("served")], {}, TOLERANCES)["rows"]
    assert apart[1]["held"] is None


def test_another_prompt_holds_no_step_however_equal_the_answers() -> None:
    table = parity_table(IDS, [said("adapter"), said("merged"), said("dpo", prompts="other")], {}, TOLERANCES)
    assert [row["held"] for row in table["rows"]] == [None, True, False]
    assert table["other_prompts"] == ["DPO model"]
    assert table["says"].endswith("another prompt was read by: DPO model")
