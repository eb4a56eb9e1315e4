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
DAY_NAME = "(mon|tue|wed|thu|fri|sat|sun)(?:s|r|rs|nes|ur)?(?:day)?"
NEXT_DAY = re.compile(rf"next {DAY_NAME}\b")
BARE_HOUR = re.compile(r"\s+at\s+\d{1,2}$")
CLOCK = re.compile(
    r"\d\s*(?:am|pm|a\.m|p\.m|h\b|o'?clock)|\d[:.]\d\d|\b(?:noon|midnight|midday|hour|minute|min)", re.IGNORECASE
)
READ = re.compile(
    rf"""{DAY_NAME}s?|(?:jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)
    |january|february|march|april|may|june|july|august|september|october|november|december
    |today|tomorrow|noon|midday|midnight|am|pm|o'clock|hours?|minutes?|mins?|days?|weeks|months
    |next|this|before|at|on|by|in|of|and|one|two|three|four|five|six|seven|eight|nine|ten|twelve
    |every|each|other|daily|weekly|monthly|yearly|weekdays?|years
    |\d+(?:st|nd|rd|th|am|pm|h)?|\d{{1,2}}[:.]\d\d(?:am|pm)?|\d{{4}}-\d\d-\d\d""",
    re.VERBOSE,
)
"""Words that the libraries really read; over others they pass in silence (`not Friday`, `tomorrow evening`)."""
ONLY_REPEATED = re.compile(r"week|month|year")


def words_of(phrase: str) -> str:
    """A phrase without case, edge punctuation, doubled spaces and its leading preposition."""
    plain = " ".join(phrase.casefold().split()).strip(" .,;:!?\"'()-")
    return LEADING.sub("", plain)


def same_time(key: str, got: str, wanted: str, now: datetime) -> bool:
    """Whether two phrases mean the same: by value where every word of both is read, otherwise by their words."""
    if _spoken(got) == _spoken(wanted):
        return True
    if not all(_read_whole(phrase, repeated=key == "repeat") for phrase in (got, wanted)):
        return False
    resolve = resolve_repeat if key == "repeat" else resolve_due
    value = resolve(got, now)
    return value is not None and value == resolve(wanted, now)


def _spoken(phrase: str) -> list[str]:
    return [word for word in words_of(phrase).split() if word not in ("the", "a", "an")]


def _read_whole(phrase: str, *, repeated: bool) -> bool:
    """Whether no word is passed over: nor an hour without `am`, nor `before` where it stands before a clock time."""
    words = [word.strip(",.") for word in _spoken(phrase)]
    plain = " ".join(words)
    passed_over = "before" in words if CLOCK.search(plain) else BARE_HOUR.search(plain)
    if passed_over:
        return False
    return all(READ.fullmatch(word) or (repeated and ONLY_REPEATED.fullmatch(word)) for word in words)


def resolve_due(phrase: str, now: datetime) -> str | None:
    """An ISO date, or date and time where the phrase names a clock time; None where it cannot be read."""
    plain = words_of(phrase)
    if CLOCK.search(plain) is None:
        # Without am or pm the libraries take `Monday at 9` for a day in September.
        plain = BARE_HOUR.sub("", plain)
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
