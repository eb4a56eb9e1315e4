"""Which date phrases fit a to-do request of today: ahead of now, without a year, English and short."""

import re

MAX_WORDS = 7
MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
DAYS = (
    "mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|weekday|weekend"
)


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


CALENDAR = re.compile(
    rf"\b(?:{MONTHS}|(?:{DAYS})s?|today|tonight|tomorrow|morning|afternoon|evening|night|noon|midnight"
    r"|weeks?|months?|days?|hours?|minutes?|mins?|years?|quarter|qtr|eod|eom|eoy|o'?clock|lunch|[ap]\.?m\.?"
    r"|\d{1,2}(?:st|nd|rd|th)|\d{1,2}:\d\d|\d{1,2}/\d{1,2})\b|\d[ap]m\b",
    re.IGNORECASE,
)
REPETITION = _words(
    "every", "each", "daily", "weekly", "monthly", "yearly", "hourly", "annually", "biweekly",
    "weekdays", "weekends", "mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays",
    "sundays", r"(?:once|twice) an? \w+",
)  # fmt: skip
PAST = _words(
    "ago", "last", "past", "previous", "yesterdays?", "since", "earlier", "back", "now", "rightnow",
    "current", "coming", "at this time", "at the moment", "seconds?", "secs?", "fortnights?", "ides",
    "gmt", "cet", "est", "utc", "bst", "pst",
)  # fmt: skip
LAST_AHEAD = re.compile(r"\blast (?:\w+ )?of\b|\b(?:every|each) other\b", re.IGNORECASE)
YEAR = re.compile(
    r"\b\d{4}\b|'\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b\d{1,2} \w+ (?:15|17|22|93)$|\bthe 22$"
    r"|\b\w+ \d{1,2}(?:st|nd|rd|th)? (?:15|17|93)$|\d\d-\d\d",
    re.IGNORECASE,
)
FEAST = _words(
    "spring", "summer", "winter", "autumn", "fall", "season", "christmas", "xmas", "easter",
    "thanksgiving", "halloween", r"valentine\S*", r"new year\S*", r"\w+'?s day", "hanukkah", "ramadan",
    "eid", "diwali", "holiday", r"(?:black|good) friday", "lent", "advent",
    r"(?:labor|memorial|independence|mlk|earth|veterans?|boxing) day",
)  # fmt: skip
GERMAN = re.compile(
    r"[^\x20-\x7e]|\b(?:uhr|bis|vom|von|zum|um|der|den|des|und|nach|vor|ca|mo|di|mi|do|fr|sa|so|hin|dem|die|mai|juni"
    r"|juli|okt|dez|mrz|mittag\w*|abend\w*|morgen\w*|nacht\w*|monats?|jahr\w*|tage?n?|woche\w*|stunden?|heute|gegen"
    r"|zwischen|anfang|ende|kein\w*|erst\w*|jetzt|genau|beginn|halb|h|(?:mon|diens|donners|frei|sams|sonn)tag"
    r"|mittwoch|januar|februar|oktober|dezember)\b|^(?:am|ab) \d|\bdo\.|\d\.\s*\w|\dh\b",
    re.IGNORECASE,
)
RANGE = re.compile(
    r"\b(?:between|from|for|to|thru|until|till|through)\b|\d\s*-\s*\w|\w - \w"
    r"|\bnext \w+ (?:day|week|month|year|hour|minute)s",
    re.IGNORECASE,
)
CLOCK_TO = re.compile(r"^(?:a quarter|quarter|five|5|fifteen)\b.* to ", re.IGNORECASE)
ODD = _words(
    "except", "instance", "in week", "occurrences?", "thru", "through", "latest", "times?", "very",
    "twice", "journey", "more", "test", "possible", "only", "exactly", "precisely", "approx",
    "approximately", "roughly", "circa", "sharp", r"right (?:at|around)", "begin", "hence", "12a",
    "12p", "3p", "3ish", "nite", "p m", "330", r"tue(?:sday)?s?-tue(?:sday)?", "day 31", "3[15-9]th",
    "31st", "99th", "28pm", "20[ap]m", "afternon", r"o'?clock [ap]m", "year month", "in few",
    "couple hours", "sat-sun",
)  # fmt: skip
ODD_SIGNS = re.compile(
    r"\d+x\b|:\d\d:|:99|\d(?:[A-Z]{3}|[Mm]ar)\b|\([\d.]|\b0\d|1/2|1/4|3/4 |^tomorrow (?:on|first|earliest|as)"
    r"|^(?:in april, )daily|[Ff]riday first|24th 25th|April 15$|and 30$|\b(?:a|an|the) week of (?:the )?\w+$"
)
LEADING = re.compile(r"^(?:(?:by|on|at|for|until|till|due|from|starting|since)\s+|@\s*)", re.IGNORECASE)
TIMETABLE = re.compile(rf"^\d{{1,2}} (?:{MONTHS}),? \d{{1,2}}:?\d\d(?:pm)?$", re.IGNORECASE)


def classify(phrase: str) -> tuple[str, str] | None:
    """Kind (`due` or `repeat`) and text of a part, or None where it does not fit today's frame.

    A leading `by`, `on`, `at`, `for` or `until` goes, as it does in a label.
    """
    said = " ".join(phrase.split()).strip(" .,;")
    if not 0 < len(said.split()) <= MAX_WORDS or _unfit(said):
        return None
    repeats = REPETITION.search(said) is not None
    spans = RANGE.search(LEADING.sub("", said)) is not None and not CLOCK_TO.search(said)
    if (spans and not repeats) or not (repeats or CALENDAR.search(said)):
        return None
    text = LEADING.sub("", said)
    return None if len(text) < 3 or _unfit(text) else ("repeat" if repeats else "due", text)


def _unfit(text: str) -> bool:
    past = PAST.search(text) is not None and not LAST_AHEAD.search(text)
    return past or any(pattern.search(text) for pattern in (YEAR, FEAST, GERMAN, ODD, ODD_SIGNS))
