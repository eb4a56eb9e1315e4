"""Damaged times: each names another day, hour, part of the day or rhythm, or does not apply."""

from collections.abc import Callable

import pytest

from llmops_assets.tasks import command_date_mutations as damage


@pytest.mark.parametrize(
    ("change", "phrase", "found"),
    [
        (damage.next_day, "Friday at noon", "saturday at noon"),
        (damage.next_day, "before Sunday", "before monday"),
        (damage.next_day, "Tomorrow at 6 am", "today at 6 am"),
        (damage.next_day, "3 May", "4 May"),
        (damage.next_day, "March 1st", "March 2nd"),
        (damage.next_day, "the 25th", "the 26th"),
        (damage.next_day, "7 July at 11 am", "8 July at 11 am"),
        (damage.next_day, "2026-12-31", "2027-01-01"),
        (damage.next_day, "in two weeks", "in three weeks"),
        (damage.next_day, "3 pm", None),
        (damage.next_day, "Christmas Eve", None),
        (damage.next_hour, "tomorrow at 7:45", "tomorrow at 8:45"),
        (damage.next_hour, "12 March at 5 pm", "12 March at 6 pm"),
        (damage.next_hour, "tonight at 10", "tonight at 11"),
        (damage.next_hour, "12 March", None),
        (damage.other_half_of_the_day, "tomorrow at 9am", "tomorrow at 9pm"),
        (damage.other_half_of_the_day, "Saturday at 8", None),
        (damage.without_clock, "today at 5 pm", "today"),
        (damage.without_clock, "6am tomorrow", "tomorrow"),
        (damage.without_clock, "5 pm", None),
        (damage.without_clock, "12 September", None),
        (damage.other_part, "Sunday evening", "Sunday morning"),
        (damage.other_part, "tonight", None),
        (damage.without_part, "tomorrow morning", "tomorrow"),
        (damage.without_part, "every morning", None),
        (damage.other_rhythm, "every two weeks", "every two months"),
        (damage.other_rhythm, "every Monday", "every tuesday"),
        (damage.every_second, "Each Wednesday", "every other Wednesday"),
        (damage.every_second, "every other week", "every week"),
        (damage.every_second, "every weekday", None),
    ],
)
def test_times_are_damaged_by_value(change: Callable[[str], str | None], phrase: str, found: str | None) -> None:
    assert change(phrase) == found
