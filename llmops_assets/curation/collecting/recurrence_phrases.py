"""Date and repetition phrases that the test suites of four date parsers hold, as parts for composing requests.

One part: {"kind": "due", "text": "next friday", "source": "ctparse-0.3.6", "license": "MIT"}.
"""

import ast
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked

RECURRENT = Carrier(
    "recurrent", "0.4.1", "5452089d2cf1294dbaa51463798284bd8abd9a852ff0785dbb317851c5b596a6",
    "BSD-3-Clause", "Ken Van Haren", sdist=True,
)  # fmt: skip
CTPARSE = Carrier(
    "ctparse", "0.3.6", "9014e2c6a64e97a9baa236f3677b958699d6e4713df823a2439b7a003f0d6afa",
    "MIT", "Comtravo, Sebastian Mika",
)  # fmt: skip
PUCKLING = Carrier(
    "puckling", "0.5.0", "5da39b16076d65bdbfb9651bcf992bc4d90858b6eabc804a421b6f6be2e48456",
    "Apache-2.0", "Puckling contributors; Wit.ai, Facebook (Duckling)", python="3.13",
)  # fmt: skip
DUCKLING = Carrier(
    "duckling", "1.8.0", "bc30cfddde15bfdb831c9204a217a15489feef0c36449f820f8ab52d0fa2ee1d",
    "BSD-3-Clause", "2014, Wit.ai, Inc. (duckling-0.4.23.jar)",
)  # fmt: skip
CARRIERS = (RECURRENT, CTPARSE, PUCKLING, DUCKLING)

MAX_WORDS = 7
MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
DAYS = "mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
CALENDAR_WORD = re.compile(
    rf"\b(?:(?:{MONTHS})|(?:{DAYS})s?|today|tonight|tomorrow|morning|afternoon|evening|night|noon|midnight|week|weeks|weekend"
    r"|month|months|day|days|hours?|minutes?|mins?|year|years|quarter|qtr|eod|eom|eoy|o'?clock|lunch|lunchtime|[ap]\.?m\.?)\b"
    r"|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d{1,2}:\d\d\b|\b\d{1,2}/\d{1,2}\b|\d[ap]m\b",
    re.IGNORECASE,
)
REPETITION = re.compile(
    rf"\b(?:every|each|daily|weekly|monthly|yearly|hourly|annually|biweekly|weekdays|weekends|(?:{DAYS[:-1]})s"
    r"|mondays|tuesdays|wednesdays|thursdays|fridays|saturdays|sundays|(?:once|twice) an? \w+)\b|\d\s?x a week",
    re.IGNORECASE,
)
NOT_AHEAD = re.compile(
    r"\b(?:ago|last|past|previous|yesterday|yesterdays|before yesterday|since|earlier|back|began|just now|right now|now|rightnow"
    r"|at this time|at the moment|latent|same day|current|coming|second|seconds|secs?|ides|fortnights?|gmt|cet|est|utc|bst|pst)\b",
    re.IGNORECASE,
)
YEAR = re.compile(
    r"\b(?:1[89]|20|21)\d\d\b|'\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\d{4}-\d|\b(?:bc|ad|century|decade)\b",
    re.IGNORECASE,
)
SEASON = re.compile(
    r"\b(?:spring|summer|winter|autumn|fall|season|christmas|xmas|easter|thanksgiving|halloween|valentine\S*|new year\S*"
    r"|\w+ day(?=$)(?<!next day)|mother'?s day|father'?s day|hanukkah|ramadan|eid|diwali|holiday|black friday|good friday|palm sunday"
    r"|lent|advent|pentecost|labor|memorial|independence|mlk|martin luther|boss\S*|orthodox)\b",
    re.IGNORECASE,
)
DAY_PHRASE = re.compile(
    r"\b(?:\d{1,2}(?:st|nd|rd|th)|first|last|each|every|next|this|other|\w+th) day$", re.IGNORECASE
)
GERMAN = re.compile(
    r"[äöüß]|\b(?:uhr|bis|vom|von|zum|am \d|um|der|den|des|und|ab \d|nach|vor|ca|montag|dienstag|mittwoch|donnerstag|freitag|samstag"
    r"|sonntag|januar|februar|märz|mai|juni|juli|oktober|dezember|mo|di|mi|do|fr|sa|so|hin|rück|mittag\w*|abend\w*|morgen\w*|früh\w*"
    r"|nacht\w*|monats?|jahr\w*|tage?n?|woche\w*|stunden?|heute|gegen|zwischen|anfang|ende|okt|dez|mrz|dem|die|kein\w*|erst\w*|zurück"
    r"|nachts|jetzt|genau|beginn)\b|\bdo\.|\d\.\s*\w|\dh\b|\bh\b",
    re.IGNORECASE,
)
LEADING = re.compile(r"^(?:(?:by|on|at|for|until|till|due|from|starting|since)\s+|@\s*)", re.IGNORECASE)
SPOILED = re.compile(
    r"\b(?:except|instance|in week|occurrences?|thru|through|latest|times?|very|twice|journey|halb|dez|more|test|possible|only|sat-sun"
    r"|exactly|precisely|approx|approximately|roughly|circa|sharp|right (?:at|around)|begin|hence|12a|12p|3p|3ish|nite|time"
    r"|tue(?:sday)?s?-tue(?:sday)?|day 31|3[15-9]th|31st|99th|28pm|20[ap]m|year month|o'?clock [ap]m)\b"
    r"|\d+x\b|[^\x20-\x7e]|^am \d|:\d\d:|:99|\d[A-Z]{3}\b|\d\d-\d\d|\([\d.]|\b\d{4}\b|\b0\d|p m\b|330|1/2|1/4|3/4|\b(?:93|17|22)$"
    r"|^tomorrow on|^in april, daily|^tomorrow (?:first|earliest|as)|friday first|14th april 15|24th 25th|afternon|and 30$|couple hours",
    re.IGNORECASE,
)
RANGE = re.compile(
    r"\bbetween\b|\bfrom\b|\d\s*(?:-|to|until|till)\s*\w|\b(?:to|thru|until|till|through)\b(?! noon| (?:six|6))|\w - \w|\bnext \w+ (?:day|week|month|year|hour|minute)s|\bweek$(?<=of week)|\bfor\b",
    re.IGNORECASE,
)
TIMETABLE = re.compile(rf"^\d{{1,2}} (?:{MONTHS}),? \d{{1,2}}:?\d\d(?:pm)?$", re.IGNORECASE)
MAX_TIMETABLE = 12


def classify(phrase: str) -> tuple[str, str] | None:
    """Kind and text of a part, or None where it does not fit today's frame.

    Dropped: the past, years, seasons and holidays, bare numbers, other languages, long or odd phrases. A leading
    `by`, `on`, `at`, `for` or `until` goes, as it does in a label.
    """
    text = " ".join(phrase.split()).strip(" .,;")
    words = text.split()
    if not words or len(words) > MAX_WORDS or SPOILED.search(text) or GERMAN.search(text):
        return None
    if NOT_AHEAD.search(text) and not re.search(r"\blast (?:\w+ )?of\b|\b(?:every|each) other\b", text):
        return None
    if RANGE.search(text) and not REPETITION.search(text) and not text.startswith(("quarter", "a quarter")):
        return None
    if (
        YEAR.search(text)
        or (SEASON.search(text) and not DAY_PHRASE.search(text))
        or not CALENDAR_WORD.search(text)
        and not REPETITION.search(text)
    ):
        return None
    kind = "repeat" if REPETITION.search(text) else "due"
    text = LEADING.sub("", text)
    return (kind, text) if len(text) > 2 and not SPOILED.search(text) else None


def recurrent_phrases(code: str) -> list[str]:
    """First items of the (phrase, expected, ...) tuples of recurrent's test module; phrases it holds to be no date are left out."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Tuple) or len(node.elts) < 2:
            continue
        first, expected = node.elts[0], node.elts[1]
        dated = isinstance(expected, ast.Call | ast.BinOp)
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and dated:
            found.append(first.value)
    return found


def puckling_phrases(code: str) -> list[str]:
    """Phrases of `examples(value, [phrases])` calls."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "examples":
            found += _strings(node.args[1])
    return found


def ctparse_phrases(code: str) -> list[str]:
    """Phrases of the (gold, reference time, [phrases]) rows of ctparse's corpora, single times only."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Tuple | ast.List)
            and len(node.elts) == 3
            and isinstance(node.elts[2], ast.List)
        ):
            gold = node.elts[0]
            if isinstance(gold, ast.Constant) and str(gold.value).startswith("Time[]"):
                found += _strings(node.elts[2])
    return found


def duckling_phrases(code: str) -> list[str]:
    """Quoted lines of duckling's corpus that stand for a date or an interval."""
    found: list[str] = []
    waiting: list[str] = []
    for line in code.splitlines():
        stripped = line.strip()
        if stripped.startswith('"'):
            waiting.append(stripped.split('"')[1])
        elif stripped.startswith("("):
            found += waiting if stripped.startswith("(datetime") else []
            waiting = []
    return found


def _strings(node: ast.expr) -> list[str]:
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def parts(phrases: Iterable[str], carrier: Carrier, seen: set[str]) -> list[dict[str, str]]:
    """Part rows of the phrases that fit, each text once over all carriers (`seen` remembers)."""
    rows = []
    timetable = 0
    for phrase in phrases:
        kept = classify(phrase)
        if kept is None or kept[1].casefold() in seen:
            continue
        timetable += bool(TIMETABLE.match(kept[1]))
        if TIMETABLE.match(kept[1]) and timetable > MAX_TIMETABLE:
            continue
        seen.add(kept[1].casefold())
        rows.append({"kind": kept[0], "text": kept[1], "source": carrier.source, "license": carrier.license})
    return rows


def collect(cache: Path, progress: Progress) -> list[dict[str, str]]:
    """All date and repetition parts, in the order of the carriers."""
    seen: set[str] = set()
    recurrent = unpacked(RECURRENT, cache, progress) / "recurrent-0.4.1/src/recurrent/test.py"
    rows = parts(recurrent_phrases(recurrent.read_text(encoding="utf-8")), RECURRENT, seen)
    for path in sorted((unpacked(CTPARSE, cache, progress) / "ctparse/time").glob("*corpus.py")):
        rows += parts(ctparse_phrases(path.read_text(encoding="utf-8")), CTPARSE, seen)
    english = unpacked(PUCKLING, cache, progress) / "puckling/dimensions/time/en"
    for path in sorted(english.glob("*corpus.py")):
        if "holidays" not in path.name:
            rows += parts(puckling_phrases(path.read_text(encoding="utf-8")), PUCKLING, seen)
    jar = unpacked(DUCKLING, cache, progress) / "duckling/jars/duckling-0.4.23.jar"
    with zipfile.ZipFile(jar) as archive:
        corpus = archive.read("languages/en/corpus/time.clj").decode("utf-8")
    return rows + parts(duckling_phrases(corpus), DUCKLING, seen)
