"""What the base model is told of a task."""

import pytest

from llmops_assets.tasks.few_shot import FewShot
from llmops_assets.tasks.registry import get_task


def test_examples_are_told_in_the_instructions_or_as_turns() -> None:
    listed, turns = FewShot("Be short.", (("one", "1"), ("two", "2"))).beginnings()
    assert listed == [{"role": "system", "content": "Be short. Examples:\none\n-> 1\ntwo\n-> 2"}]
    assert [(turn["role"], turn["content"]) for turn in turns] == [
        ("system", "Be short."),
        ("user", "one"),
        ("assistant", "1"),
        ("user", "two"),
        ("assistant", "2"),
    ]


@pytest.mark.parametrize("name", ["code_review", "command", "docstring"])
def test_the_examples_have_the_form_that_is_wanted(name: str) -> None:
    task = get_task(name)
    for asked, answer in task.few_shot.examples:
        case = {"messages": [{"role": "user", "content": asked}], "expected": None}
        assert task.format(answer, case).value == 1, answer
