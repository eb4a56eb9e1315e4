"""Ways to damage the time of a right to-do command: the day, the clock, the part of the day, the repetition."""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from llmops_assets.tasks.command_changes import Change, invented, with_value, without
from llmops_assets.tasks.dates import WEEKDAYS

MONTH_DAY = re.compile(r"(?<![\d:.-])(\d{1,2})(st|nd|rd|th)?\b(?!\s*(?:[ap]m|[:.-]\d|h\b|o'?clock))", re.IGNORECASE)
CLOCK_HOUR = re.compile(r"(?<!\d)(\d{1,2})(?=\s*[ap]m\b|:\d\d)|(?<=\bat )(\d{1,2})\b", re.IGNORECASE)
CLOCK_TIME = re.compile(r"\s*(?:\bat )?\d{1,2}(?::\d\d)?\s*(?:[ap]m)\b|\s*\bat \d{1,2}(?::\d\d)?\b", re.IGNORECASE)
PARTS = {"morning": "evening", "evening": "morning", "afternoon": "morning", "night": "morning"}
PART = re.compile(rf"\b({'|'.join(PARTS)})\b", re.IGNORECASE)
NAMED = {"today": "tomorrow", "tomorrow": "today", "tonight": "tomorrow night"}
COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
RHYTHM = {
    "daily": "weekly", "weekly": "daily", "monthly": "weekly", "yearly": "monthly",
    "day": "week", "week": "month", "month": "week", "year": "month",
    "days": "weeks", "weeks": "months", "months": "weeks",
}  # fmt: skip


def _word(phrase: str, change: dict[str, str]) -> str | None:
    """The phrase with its first word that `change` knows changed."""
    match = re.search(rf"\b({'|'.join(change)})\b", phrase, re.IGNORECASE)
    return None if match is None else phrase[: match.start()] + change[match[0].casefold()] + phrase[match.end() :]


def next_day(phrase: str) -> str | None:
    """The same phrase, one day on: `Friday` -> `Saturday`, `3 May` -> `4 May`; None where it names no day."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", phrase):
        return (date.fromisoformat(phrase) + timedelta(days=1)).isoformat()
    following = {day: WEEKDAYS[(place + 1) % 7] for place, day in enumerate(WEEKDAYS)}
    counts = dict(pairwise(COUNTS))
    found = _word(phrase, {**following, **NAMED}) or _word(phrase, counts)
    clock = CLOCK_HOUR.search(phrase)
    match = MONTH_DAY.search(phrase)
    if found or match is None or (clock and clock.start() == match.start()):
        return found
    day = int(match[1]) % 28 + 1
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(day, "th") if match[2] else ""
    return f"{phrase[: match.start()]}{day}{ending}{phrase[match.end() :]}"


def next_hour(phrase: str) -> str | None:
    """The same phrase, an hour on; None where it names no clock time."""
    match = CLOCK_HOUR.search(phrase)
    if match is None:
        return None
    return f"{phrase[: match.start()]}{int(match[0]) % 12 + 1}{phrase[match.end() :]}"


def other_half_of_the_day(phrase: str) -> str | None:
    """`5 pm` -> `5 am`."""
    found = re.sub(r"([ap])(?=m\b)", lambda match: "a" if match[0] == "p" else "p", phrase, count=1)
    return found if re.search(r"\d\s*[ap]m\b", phrase) else None


def without_clock(phrase: str) -> str | None:
    """The day alone; None where there is no clock time, or nothing beside it."""
    found = " ".join(CLOCK_TIME.sub("", phrase, count=1).split())
    return found if found and found != " ".join(phrase.split()) else None


def other_part(phrase: str) -> str | None:
    """`tomorrow morning` -> `tomorrow evening`."""
    return _word(phrase, PARTS)


def without_part(phrase: str) -> str | None:
    """`tomorrow morning` -> `tomorrow`; `every morning` has nothing to stand without it."""
    match = PART.search(phrase)
    rest = phrase[: match.start()].strip() if match else ""
    return rest if rest and rest.casefold() not in ("every", "each", "this", "in the") else None


def other_rhythm(phrase: str) -> str | None:
    """`every Monday` -> `every Tuesday`, `every two weeks` -> `every two months`."""
    return _word(phrase, RHYTHM) or next_day(phrase)


def every_second(phrase: str) -> str | None:
    """`every Monday` -> `every other Monday`, and back."""
    if " other " in phrase:
        return phrase.replace(" other ", " ", 1)
    found = re.sub(r"^(?:every|each) (?=[a-z]+day$|week$|month$|year$)", "every other ", phrase, flags=re.IGNORECASE)
    return found if found != phrase and "weekday" not in phrase else None


def _edge(phrase: str) -> str | None:
    """`the end of June` -> `June`."""
    return phrase.split(" of ", 1)[1] if re.search(r"\bend of ", phrase) else None


def _before(phrase: str) -> str | None:
    return phrase[7:] if phrase.casefold().startswith("before ") else f"before {phrase}"


def _week(phrase: str) -> str | None:
    """`this` and `next` are one day where it is past on the evaluation's clock, a Wednesday: the coming Monday is both."""
    if re.search(r"\b(?:monday|tuesday)\b", phrase, re.IGNORECASE):
        return None
    return _word(phrase, {"this": "next", "next": "this"})


def _year(phrase: str) -> str | None:
    match = re.search(r"\b20\d\d\b", phrase)
    return f"{phrase[: match.start()]}{int(match[0]) + 1}{phrase[match.end() :]}" if match else None


def _moved(source: str, target: str) -> Change:
    def make(gold: dict[str, str]) -> dict[str, Any] | None:
        if source not in gold or target in gold or gold["action"] not in ("create", "update"):
            return None
        return {(target if key == source else key): word for key, word in gold.items()}

    return make


DATE_MUTATIONS: tuple[tuple[str, Change], ...] = (
    ("date off by one day", with_value("due", next_day)),
    ("date a week off", with_value("due", _week)),
    ("date a year off", with_value("due", _year)),
    ("date before or on the day", with_value("due", _before)),
    ("date not on that day", with_value("due", lambda due: f"not {due}")),
    ("date the week after", with_value("due", lambda due: f"the week after {due}")),
    ("date or another", with_value("due", lambda due: f"{due} or Sunday week")),
    ("end of a time lost", with_value("due", _edge)),
    ("clock an hour off", with_value("due", next_hour)),
    ("clock in the other half of the day", with_value("due", other_half_of_the_day)),
    ("clock lost", with_value("due", without_clock)),
    ("clock nobody said", with_value("due", lambda due: None if re.search(r"\d|noon|hour", due) else f"{due} at 7")),
    ("other part of the day", with_value("due", other_part)),
    ("part of the day lost", with_value("due", without_part)),
    ("date dropped", without("due", whole=True)),
    ("date nobody said", invented("due", "tomorrow", ("create", "update", "list"))),
    ("repetition dropped", without("repeat", whole=True)),
    ("repetition nobody said", invented("repeat", "daily", ("create", "update"))),
    ("repetition of another rhythm", with_value("repeat", other_rhythm)),
    ("repetition every second time", with_value("repeat", every_second)),
    ("repetition at another hour", with_value("repeat", next_hour)),
    ("repetition without its hour", with_value("repeat", without_clock)),
    ("repetition in another part of the day", with_value("repeat", other_part)),
    ("repetition as date", _moved("repeat", "due")),
    ("date as repetition", _moved("due", "repeat")),
)
"""Every damage to a time, by name."""
