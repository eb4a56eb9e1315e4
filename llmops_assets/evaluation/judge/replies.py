"""Replies of a judge model -> what they say, strictly: one JSON object of the asked form, or a reason why not.

{"reason": "The date is missing.", "score": 3}
"""

import re
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from llmops_assets.errors import JudgeReplyError
from llmops_assets.evaluation.answering import Answer
from llmops_assets.tasks.rubrics import SCALE

THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL)
SHOWN = 80
Form = TypeVar("Form", bound=BaseModel)


class Preference(BaseModel):
    """Which of two answers is better, by its place."""

    reason: str
    winner: Literal["1", "2", "tie"]


def read_reply(answer: Answer, form: type[Form]) -> Form:
    """The reply in its form; what a model thinks aloud first and a code fence around the reply are let pass.

    Raises:
        JudgeReplyError: it was cut, or is anything else. The message begins with a kind and a colon.
    """
    if answer.done_reason == "length":
        raise JudgeReplyError("cut: the reply ended at the limit of tokens")
    text = THINKING.sub("", answer.text, count=1).strip()
    fenced = FENCE.match(text)
    try:
        return form.model_validate_json(fenced[1] if fenced else text, strict=True)
    except ValidationError as error:
        shown = " ".join(answer.text.split())[:SHOWN]
        kind = "no JSON" if error.errors()[0]["type"] == "json_invalid" else "not the form that was asked for"
        raise JudgeReplyError(f"{kind}: {shown!r}") from error


def on_scale(score: float) -> int:
    """The score, where it is one of the anchors.

    Raises:
        JudgeReplyError: it lies beside the scale or between two anchors.
    """
    low, high = SCALE
    if score not in range(low, high + 1):
        raise JudgeReplyError(f"not on the scale: {score:g} is no whole number from {low} to {high}")
    return int(score)


def kind_of(reason: str) -> str:
    """The kind of a reply that cannot be read, without what it said."""
    return reason.split(":")[0]
