import pytest
from pydantic import BaseModel

from llmops_assets.errors import JudgeReplyError
from llmops_assets.evaluation.answering import Answer
from llmops_assets.evaluation.judge.replies import Preference, kind_of, on_scale, read_reply


class Scored(BaseModel):
    reason: str
    score: float


def said(text: str, ended: str = "stop") -> Answer:
    return Answer(text, 0.1, 0, 0, ended, 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "ok", "score": 4}',
        ' \n{"score": 4.0, "reason": "ok", "more": []}\n',
        '```json\n{"reason": "ok", "score": 4}\n```',
        '<think>5? {"score": 5}</think>\n{"reason": "ok", "score": 4}',
    ],
)
def test_one_object_of_the_form_is_read(text: str) -> None:
    assert read_reply(said(text), Scored).score == 4


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "no JSON"),
        ("I would say 4.", "no JSON"),
        ('The score: {"reason": "ok", "score": 4}', "no JSON"),
        ('{"reason": "ok", "score": 4} or {"reason": "ok", "score": 5}', "no JSON"),
        ('{"reason": "ok", "score": 4', "no JSON"),
        ('{"reason": "ok", "score": "4"}', "not the form that was asked for"),
        ('{"reason": "ok", "score": true}', "not the form that was asked for"),
        ('{"reason": "ok"}', "not the form that was asked for"),
        ("[4]", "not the form that was asked for"),
    ],
)
def test_anything_else_is_a_reason_and_never_a_guess(text: str, kind: str) -> None:
    with pytest.raises(JudgeReplyError) as caught:
        read_reply(said(text), Scored)
    assert kind_of(str(caught.value)) == kind


def test_a_cut_reply_is_not_read_even_where_it_looks_whole() -> None:
    with pytest.raises(JudgeReplyError, match="cut"):
        read_reply(said('{"reason": "ok", "score": 4}', "length"), Scored)


def test_a_winner_is_the_first_the_second_or_neither() -> None:
    assert read_reply(said('{"reason": "", "winner": "tie"}'), Preference).winner == "tie"
    with pytest.raises(JudgeReplyError, match="not the form"):
        read_reply(said('{"reason": "", "winner": "both"}'), Preference)


def test_only_the_five_anchors_are_scores() -> None:
    assert [on_scale(value) for value in (1, 2.0, 5)] == [1, 2, 5]
    for value in (0, 6, 3.5, -1, float("nan"), float("inf")):
        with pytest.raises(JudgeReplyError, match="not on the scale"):
            on_scale(value)
