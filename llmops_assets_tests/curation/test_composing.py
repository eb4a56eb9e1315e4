import json

from llmops_assets.curation.composing.commands import Parts, compose
from llmops_assets.tasks import command

PARTS = Parts(
    titles=("call Ana", "fix the boiler", "read the book by Eco", "MILK"),
    dues=("tomorrow", "next Friday at 5pm", "end of the month"),
    repeats=("every Monday", "daily"),
    references=("dentist", "tax return"),
)


def test_same_seed_and_parts_give_the_same_bytes() -> None:
    assert compose(PARTS, count=150, seed=1) == compose(PARTS, count=150, seed=1)
    assert compose(PARTS, count=150, seed=1) != compose(PARTS, count=150, seed=2)


def test_every_label_is_valid_and_copied_from_the_request_as_it_is_spelt() -> None:
    for row in compose(PARTS, count=400, seed=3):
        request, text = (turn["content"] for turn in row["messages"])
        answer = json.loads(text)
        assert command.score_format(text).value == 1, text
        for key in ("title", "due", "repeat", "task"):
            if key in answer and not (key == "task" and answer[key].isdigit()):
                assert answer[key] in request, (request, text)


def test_requests_are_distinct_and_every_action_occurs() -> None:
    rows = compose(PARTS, count=400, seed=3)
    assert len({row["messages"][0]["content"].casefold() for row in rows}) == len(rows)
    assert {row["category"] for row in rows} == {"create", "update", "complete", "delete", "list", "ask", "none"}
