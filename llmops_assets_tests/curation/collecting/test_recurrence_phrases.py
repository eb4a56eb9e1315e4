"""Date and repetition phrases: read out of source text, kept where they fit today's frame."""

import pytest

from llmops_assets.curation.collecting import recurrence_phrases as phrases
from llmops_assets.curation.collecting.phrase_filter import classify


@pytest.mark.parametrize(
    ("phrase", "kept"),
    [
        ("tomorrow at 5pm", ("due", "tomorrow at 5pm")),
        ("by  Friday.", ("due", "Friday")),
        ("@ 3pm", ("due", "3pm")),
        ("in two hours", ("due", "in two hours")),
        ("quarter to six", ("due", "quarter to six")),
        ("last Monday of March", ("due", "last Monday of March")),
        ("every other week on mon and fri", ("repeat", "every other week on mon and fri")),
        ("on weekdays", ("repeat", "weekdays")),
        ("daily starting march 3rd", ("repeat", "daily starting march 3rd")),
        ("two weeks ago", None),
        ("last week", None),
        ("march 3 2015", None),
        ("christmas eve", None),
        ("mother's day", None),
        ("Montag um 8 Uhr", None),
        ("from 3pm to 5pm", None),
        ("the next 3 days", None),
        ("Mar 9th at 28pm", None),
        ("whenever", None),
        ("", None),
    ],
)
def test_phrases_are_sorted_into_due_repeat_and_unfit(phrase: str, kept: tuple[str, str] | None) -> None:
    assert classify(phrase) == kept


def test_recurrent_rows_that_expect_no_date_are_left_out() -> None:
    code = "rows = [('daily', dict(freq='daily')), ('Once in a while.', None), ('soon', NOW + day), (1, dict())]"
    assert phrases.recurrent_phrases(code) == ["daily", "soon"]


def test_puckling_examples_are_read_without_an_import() -> None:
    code = "C = (examples({'value': '2013'}, ['now', 'today']), other(1, ['x']))"
    assert phrases.puckling_phrases(code) == ["now", "today"]


def test_ctparse_gives_single_times_only() -> None:
    code = (
        "corpus = [('Time[]{X}', '2018', ['today']), ('Interval[]{X}', '2018', ['9-5']),"
        " ['Time[]{Y}', '2018', ['eom']]]"
    )
    assert phrases.ctparse_phrases(code) == ["today", "eom"]


def test_duckling_phrases_belong_to_the_value_below_them() -> None:
    corpus = """(
  "monday"
  "mon." ; why
  (datetime 2013 2 18)

  "two days"
  (duration 2)
  "3 to 5"
  (datetime-interval 3 5)
)"""
    assert phrases.duckling_phrases(corpus) == ["monday", "mon.", "3 to 5"]


def test_a_text_is_kept_once_and_timetables_are_few() -> None:
    seen: set[str] = set()
    first = phrases.parts(["next Friday", "next friday", "two weeks ago"], phrases.CTPARSE, seen)
    assert first == [{"kind": "due", "text": "next Friday", "source": "ctparse-0.3.6", "license": "MIT"}]
    assert phrases.parts(["NEXT FRIDAY"], phrases.PUCKLING, seen) == []
    bookings = [f"10 JAN, 1{hour}:{minute}0" for hour in range(10) for minute in range(6)]
    assert len(phrases.parts(bookings, phrases.CTPARSE, seen)) == phrases.MAX_TIMETABLE
