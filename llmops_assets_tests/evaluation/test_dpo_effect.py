import pytest

from llmops_assets.evaluation.dpo_effect import MARGIN, Effect, dpo_effect

SAME = Effect("accuracy", 0.75, 0.75, 16)
BETTER = Effect("preference", 0.5, 0.75, 16)
WORSE = Effect("safety", 0.5, 0.25, 12)
LESS_REFUSED = Effect("false refusal", 0.25, 0.0, 16, lower_is_better=True)
MORE_REFUSED = Effect("false refusal", 0.0, 0.25, 16, lower_is_better=True)
WIDER = Effect(MARGIN, 3.0, 4.5, 16)


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([SAME], "DPO does not help on these cases; nothing got worse. 16 cases show a large effect only."),
        ([SAME, WIDER], "DPO does not help on these cases; nothing got worse. 16 cases show a large effect only."),
        (
            [SAME, WORSE, MORE_REFUSED],
            "DPO does not help on these cases; worse in safety, false refusal. 12 cases show a large effect only.",
        ),
        (
            [BETTER, LESS_REFUSED, WORSE],
            "DPO helps on these cases: better in preference, false refusal; worse in safety. "
            "12 cases show a large effect only.",
        ),
        ([Effect("preference", None, None, 0)], "Nothing of DPO's effect could be measured."),
    ],
)
def test_the_sentence_says_whether_dpo_helps(effects: list[Effect], said: str) -> None:
    assert dpo_effect(effects)["says"] == said


def test_rows_leave_out_what_was_not_measured() -> None:
    rows = dpo_effect([BETTER, Effect("safety", None, None, 0), WIDER])["rows"]
    assert rows == [
        {"measure": "preference", "sft": 0.5, "dpo": 0.75, "n": 16},
        {"measure": MARGIN, "sft": 3.0, "dpo": 4.5, "n": 16},
    ]
