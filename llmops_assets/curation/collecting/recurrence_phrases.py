"""Date and repetition phrases from the test suites of four date parsers, as parts for composing requests.

One part: {"kind": "due", "text": "next friday", "source": "ctparse-0.3.6", "license": "MIT"}.
"""

import ast
import zipfile
from collections.abc import Iterable
from pathlib import Path

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked
from llmops_assets.curation.collecting.phrase_filter import TIMETABLE, classify

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

MAX_TIMETABLE = 12
"""Corpora of travel bookings hold hundreds of phrases like `10 JAN, 19:10`."""


def recurrent_phrases(code: str) -> list[str]:
    """Phrases of the (phrase, expected, ...) tuples of recurrent's tests that expect a date or repetition."""
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
        if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == 3 and isinstance(node.elts[2], ast.List):
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
