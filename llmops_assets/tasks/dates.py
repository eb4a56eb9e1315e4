"""Date and repetition phrases as said -> values, against the caller's clock. The model copies, this code resolves.

`resolve_due("next friday at 5pm", now)` -> "2026-11-27T17:00"; `resolve_repeat("every other monday", now)` -> an iCalendar RRULE.
Read by `dateparser` first and `parsedatetime` second (dates), `recurrent` (repetitions); None where none of them reads it.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

LEADING = re.compile(r"^(?:by|on|at|for|until|till|due|from)\s+", re.IGNORECASE)
CLOCK = re.compile(r"\d\s*(?:am|pm|a\.m|p\.m|h\b|o'?clock)|\d[:.]\d\d|\b(?:noon|midnight|midday|hour|minute|min)", re.IGNORECASE)


def words_of(phrase: str) -> str:
    """A phrase without case, edge punctuation, doubled spaces and its leading preposition."""
    plain = " ".join(phrase.casefold().split()).strip(" .,;:!?\"'()-")
    return LEADING.sub("", plain)


def resolve_due(phrase: str, now: datetime) -> str | None:
    """An ISO date, or date and time where the phrase names a clock time; None where it cannot be read."""
    plain = words_of(phrase)
    moment = _by_dateparser(plain, now) or _by_parsedatetime(plain, now)
    if moment is None:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M") if CLOCK.search(plain) else moment.strftime("%Y-%m-%d")


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
    return dateparser.parse(plain, languages=["en"], settings=settings)


def _by_parsedatetime(plain: str, now: datetime) -> datetime | None:
    moment, status = _calendar().parseDT(plain, sourceTime=now)
    return moment if status else None


@lru_cache(maxsize=1)
def _calendar() -> Any:
    import parsedatetime

    return parsedatetime.Calendar()
