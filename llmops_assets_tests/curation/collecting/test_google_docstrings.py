"""DocWriter's records: people's docstrings, shortened and true to the code."""

import pytest

from llmops_assets.curation.collecting import google_docstrings as docs
from llmops_assets.curation.collecting.code_packages import DOCUMENT_TRAIN
from llmops_assets.curation.collecting.functions import SourceFunction
from llmops_assets.tasks import docstring as task

CARRIER = DOCUMENT_TRAIN[0]
CODE = "def first(items, default=None):\n    return items[0] if items else default"
WRITTEN = """Return the first of some `items`. Or the default.

More words that nobody needs here.

Args:
    items (list[str]): The items to look at. May be
        empty.
    default (str, optional): what to return
        for no items

Returns:
    str: The first item.

Example:
    >>> first([1])
"""
SHORT = """Return the first of some items.

Args:
    items: The items to look at.
    default: What to return for no items.

Returns:
    The first item."""


def function(docstring: str, code: str = CODE, module: str = "a/m.py") -> SourceFunction:
    return SourceFunction("a", module, "first", code, docstring, False)


def test_first_sentences_stay_and_types_and_markup_go() -> None:
    short = docs.shorten(WRITTEN)
    assert short is not None
    assert task.to_text(short) == SHORT


@pytest.mark.parametrize(
    "docstring",
    [
        "", "See https://example.org for the items.", "Return the first, e.g. one.",
        "Return the first " + "very " * 20,
        "Return the first.\n\nArgs:\n    items\n    default: it", "Return the «first».",
    ],
)  # fmt: skip
def test_docstrings_that_cannot_be_shortened_are_left_out(docstring: str) -> None:
    assert docs.shorten(docstring) is None


def test_a_docstring_that_is_not_true_to_the_code_is_left_out() -> None:
    kept = docs.documented(function(WRITTEN), CARRIER)
    assert kept is not None
    assert kept.text == SHORT
    assert docs.documented(function(WRITTEN.replace("default (", "other (")), CARRIER) is None
    assert docs.documented(function(WRITTEN.replace("the first of some `items`", "a warm welcome")), CARRIER) is None
    assert docs.documented(function(""), CARRIER) is None


def test_the_choice_is_unique_bounded_and_ignores_order() -> None:
    pool = [
        docs.Documented(function("", f"{CODE}  # {n}", f"a/{n % 3}.py"), f"Text {n % 40}.\n\nArgs:", CARRIER)
        for n in range(80)
    ]
    chosen = docs.choose(pool, 30)
    assert chosen == docs.choose(pool[::-1], 30)
    assert len({one.text for one in chosen}) == len(chosen) == 30


def test_records_and_cases_share_everything_but_the_answer() -> None:
    one = docs.Documented(function(WRITTEN), SHORT, CARRIER)
    row, held_out = docs.record(one), docs.case(one)
    assert row["messages"] == [{"role": "user", "content": CODE}, {"role": "assistant", "content": SHORT}]
    assert held_out["expected"] == SHORT
    assert (row["id"], row["group"], row["category"]) == (held_out["id"], "a/m.py", "sections")
