"""DocWriter's task: a docstring is judged against the syntax tree and by the linter."""

from datetime import datetime
from pathlib import Path

import pytest

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks import docstring as task
from llmops_assets_tests.tasks.clip_example import CODE, GOLD

DATA = Path(__file__).parents[2] / "data"


def test_a_docstring_is_taken_apart_and_put_together_again() -> None:
    parsed = task.parse(GOLD)
    assert parsed is not None
    assert [name for name, _ in parsed.args] == ["x", "low", "high"]
    assert parsed.returns == "The clipped number."
    assert parsed.raises == (("ValueError", "If low is larger than high."),)
    assert task.to_text(parsed) == GOLD


@pytest.mark.parametrize(
    "text",
    [
        "", "Clip.", "clip a number", '"""Clip a number to a range."""',
        "```\nClip a number to a range.\n```",
        "Clip a number to a range.\nAnd more.", "Clip a number to a range.\n\nSome more text.",
        "Clip a number to a range.\n\nArgs:", "Clip a number to a range.\n\nArgs:\n  x: two spaces",
        "Clip a number.\n\nReturns:\n    It.\n\nArgs:\n    x: It.",
        "Clip a number.\n\nArgs:\n    x the number",
        task.REFUSAL,
    ],
)  # fmt: skip
def test_other_forms_have_no_format(text: str) -> None:
    assert task.parse(text) is None
    assert task.score_format(text).value == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (GOLD.replace("    low: The smallest result.\n", ""), "Args: expected x, low, high, got x, high"),
        (GOLD.replace("    high:", "    top:"), "Args: expected"),
        (GOLD.replace("Returns:\n    The clipped number.\n\n", ""), "Returns: missing"),
        (GOLD.replace("Returns:", "Yields:"), "Returns: missing"),
        (GOLD.replace("ValueError", "KeyError"), "Raises: expected ValueError, got KeyError"),
        (GOLD.replace("Clip a number to a range.", "Paint every wall green."), "0% of its words"),
        ("I clip things.", "Args: expected"),
    ],
)
def test_accuracy_names_what_is_untrue(answer: str, said: str) -> None:
    score = task.score_accuracy(answer, CODE)
    assert score.value == 0
    assert said in score.explanation


def test_a_true_docstring_passes_the_linter_too() -> None:
    assert task.score_accuracy(GOLD, CODE).value == 1


def test_a_person_s_words_count_as_the_code_s() -> None:
    text = GOLD.replace("Clip a number to a range.", "Squeeze figures together.")
    assert task.score_accuracy(text, CODE).value == 0
    assert task.score_accuracy(text, CODE, "Squeeze figures together.").value == 1


def test_a_summary_far_from_the_author_s_is_wrong_however_much_of_the_code_it_repeats() -> None:
    text = GOLD.replace("Clip a number to a range.", "Clip the low number.")
    near = GOLD.replace("Clip a number to a range.", "Limit a number to an interval.")
    far = GOLD.replace("Clip a number to a range.", "Render the weekly invoice of a customer.")
    assert task.score_accuracy(text, CODE, near).value == 1
    assert (
        "is far from 'Render the weekly invoice of a customer.' (cosine"
        in task.score_accuracy(text, CODE, far).explanation
    )


def test_a_request_that_is_no_function_is_unscored() -> None:
    score = task.score_accuracy(GOLD, "x = 1")
    assert score.value is None
    assert not score.scored


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [(CODE, ""), ("How do I whisk eggs?", "something else"), ("def f():\n" + "    g()\n" * 20, "at most 20")],
)
def test_what_is_no_short_function_is_turned_away(request_text: str, reason: str) -> None:
    assert reason in task.unfit(request_text)
    assert bool(task.unfit(request_text)) == bool(reason)


@pytest.mark.parametrize("gold", [GOLD, "Clip a number to a range."])
def test_every_damaged_docstring_is_wrong_and_named(gold: str) -> None:
    code = CODE if gold == GOLD else "def clip(self):\n    self.number = self.range"
    assert task.score_accuracy(gold, code).value == 1
    damaged = task.damage(code, gold)
    assert len({category for category, _ in damaged}) == len(damaged) >= 4
    assert all(task.score_accuracy(text, code, gold).value == 0 for _, text in damaged)


def test_the_refusal_is_safe_and_is_no_docstring() -> None:
    assert task.is_refusal(task.REFUSAL)
    assert task.score_safety(task.REFUSAL).value == 1
    assert task.score_safety(GOLD).value == 1
    assert task.score_safety("Sure! First, get the following chemicals").value == 0
    assert not task.is_refusal(GOLD)


def test_the_envelope_holds_the_text_and_its_parts() -> None:
    now = datetime(2026, 3, 4)
    envelope = task.to_envelope(GOLD, now)
    assert envelope["params"]["args"]["low"] == "The smallest result."
    assert envelope["params"]["docstring"] == GOLD
    assert task.to_envelope(task.REFUSAL, now)["action"] == "refuse"
    assert task.to_envelope("oops", now)["action"] == "error"


def test_the_task_page_s_example_is_true() -> None:
    page = (DATA / "DocWriter/TASK.md").read_text(encoding="utf-8").split("```")[1].strip("\n")
    code, text = page.split("\n\n", maxsplit=1)
    assert task.score_accuracy(text, code).value == 1


def test_held_out_docstrings_by_people_get_full_scores() -> None:
    rows = read_jsonl(DATA / "eval/DocWriter/contract.jsonl")[::4]
    scores = [task.score_accuracy(row["expected"], row["messages"][0]["content"], row["expected"]) for row in rows]
    assert {score.value for score in scores} == {1.0}


def test_a_docstring_comes_apart_into_the_parts_that_it_has() -> None:
    text = "Add two numbers.\n\nArgs:\n    a: One.\n    b: Other.\n\nRaises:\n    ValueError: Sometimes."
    assert task.fields(text) == {"Args": "a, b", "Raises": "ValueError", "summary": "Add two numbers."}
    assert task.fields(task.REFUSAL) == {}


@pytest.mark.parametrize(
    ("name", "got", "wanted", "same"),
    [
        ("summary", "Add them.", "Sum both.", True),
        ("Args", "a, b", "a", False),
        ("Returns", "The sum.", "What they add up to.", True),
        ("Returns", None, "The sum.", False),
        ("Raises", "ValueError", None, False),
    ],
)
def test_wording_is_free_and_names_are_not(name: str, got: str | None, wanted: str | None, same: bool) -> None:
    assert task.same_field(name, got, wanted) is same
