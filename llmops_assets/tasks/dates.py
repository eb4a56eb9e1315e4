"""Date and repetition phrases as said -> values, against the caller's clock. The model copies, this code resolves.

`resolve_due("next friday at 5pm", now)` -> "2026-11-27T17:00"; `resolve_repeat("every other monday", now)` -> an iCalendar RRULE.
Read by `dateparser` first and `parsedatetime` second (dates), `recurrent` (repetitions); None where none of them reads it.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

LEADING = re.compile(r"^(?:by|on|at|for|until|till|due|from)\s+", re.IGNORECASE)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NEXT_DAY = re.compile(r"next (mon|tue|wed|thu|fri|sat|sun)[a-z]*\b")
CLOCK = re.compile(
    r"\d\s*(?:am|pm|a\.m|p\.m|h\b|o'?clock)|\d[:.]\d\d|\b(?:noon|midnight|midday|hour|minute|min)", re.IGNORECASE
)


def words_of(phrase: str) -> str:
    """A phrase without case, edge punctuation, doubled spaces and its leading preposition."""
    plain = " ".join(phrase.casefold().split()).strip(" .,;:!?\"'()-")
    return LEADING.sub("", plain)


def resolve_due(phrase: str, now: datetime) -> str | None:
    """An ISO date, or date and time where the phrase names a clock time; None where it cannot be read."""
    plain = words_of(phrase)
    moment = _moment(plain.removeprefix("before "), now)
    if moment is None:
        return None
    if CLOCK.search(plain):
        return moment.strftime("%Y-%m-%dT%H:%M")
    return (moment - timedelta(days=1 if plain.startswith("before ") else 0)).strftime("%Y-%m-%d")


def _moment(plain: str, now: datetime) -> datetime | None:
    """`next friday` is the Friday of the next calendar week, whatever day it is today; the rest is the libraries' matter."""
    next_day = NEXT_DAY.match(plain)
    if next_day is None:
        return _by_dateparser(plain, now) or _by_parsedatetime(plain, now)
    weekday = [day[:3] for day in WEEKDAYS].index(next_day[1][:3])
    day = now + timedelta(days=7 - now.weekday() + weekday)
    rest = plain[next_day.end() :].strip()
    if not rest:
        return day
    clock = _moment(f"today {rest}", now)
    return clock and day.replace(hour=clock.hour, minute=clock.minute)


def resolve_repeat(phrase: str, now: datetime) -> str | None:
    """An iCalendar RRULE value, or None where the phrase cannot be read as a repetition."""
    from recurrent.event_parser import RecurringEvent

    try:
        rule = RecurringEvent(now_date=now).parse(words_of(phrase))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(rule, str) or "RRULE:" not in rule:
        return None
    return rule.split("RRULE:", 1)[1].splitlines()[0]


def _by_dateparser(plain: str, now: datetime) -> datetime | None:
    import dateparser

    settings: Any = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future", "RETURN_AS_TIMEZONE_AWARE": False}
    moment: datetime | None = dateparser.parse(plain, languages=["en"], settings=settings)
    return moment


def _by_parsedatetime(plain: str, now: datetime) -> datetime | None:
    moment, status = _calendar().parseDT(plain, sourceTime=now)
    return moment if status else None


@lru_cache(maxsize=1)
def _calendar() -> Any:
    import parsedatetime

    return parsedatetime.Calendar()
