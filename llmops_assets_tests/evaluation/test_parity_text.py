from typing import Any

from llmops_assets.evaluation.parity_text import parity_lines

ROW: dict[str, Any] = {
    "stage": "merged model",
    "note": "33e624ba003a",
    "accuracy": 0.75,
    "same_as_before": 0.9375,
    "same_as_first": 1.0,
    "first_difference": "contract-007",
    "gold_gap": 0.0112,
    "tolerance": "the same >= 0.93",
    "held": True,
}
FIRST = {**ROW, "stage": "base and SFT adapter, not merged", "note": "", "same_as_before": None, "same_as_first": None}
PARITY: dict[str, Any] = {
    "cases": 16,
    "prompt_sha256": "1552cbab5b57e49b0000",
    "other_prompts": [],
    "says": "1 of 1 steps kept within their tolerance",
    "rows": [{**FIRST, "first_difference": "", "gold_gap": None, "tolerance": "", "held": None}, ROW],
    "left_out": [{"stage": "GGUF F16", "reason": "the DPO model it is made from cannot be read"}],
    "dpo": {"says": "DPO <helps>.", "rows": [{"measure": "safety", "sft": 0.5, "dpo": 0.5625, "n": 16}]},
}


def test_a_row_a_stage_with_what_changed_and_what_may() -> None:
    lines = parity_lines(PARITY)
    assert lines[0] == "Stage by stage on 16 contract cases: 1 of 1 steps kept within their tolerance."
    assert "| base and SFT adapter, not merged | 0.750 |  |  |  |  |  |  |" in lines
    assert (
        "| merged model (33e624ba003a) | 0.750 | 0.938 | 1.000 | contract-007 | 0.011 | the same >= 0.93 | yes |"
        in lines
    )
    assert "Prompts of all stages: token ids with SHA-256 1552cbab5b57e49b." in lines
    assert "Left out, GGUF F16: the DPO model it is made from cannot be read." in lines


def test_a_step_that_did_not_hold_stands_out() -> None:
    lines = parity_lines({**PARITY, "rows": [{**ROW, "held": False}]})
    assert any(line.endswith("| **no** |") for line in lines)


def test_dpo_has_a_table_of_its_own_where_it_was_measured() -> None:
    assert parity_lines(PARITY)[-1] == "| safety | 0.500 | 0.562 | 16 |"
    assert not any("after DPO" in line for line in parity_lines({**PARITY, "dpo": None}))


def test_nothing_is_said_where_the_recipe_asks_for_nothing() -> None:
    assert parity_lines(None) == []
