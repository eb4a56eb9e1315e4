"""Imperative items of two changelogs: work that engineers really did, as titles for composing requests.

One part: {"kind": "title", "text": "Speed up wheel installation", "source": "pip-26.3", "license": "MIT"}.
"""

import re
from pathlib import Path

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked

PIP = Carrier(
    "pip", "26.3", "6c36ae7da8695be67e3cd9f7d87919667ced53f57ce2ede75d89b5912ed2bc4c",
    "MIT", "2008-present The pip developers (see AUTHORS.txt)", sdist=True,
)  # fmt: skip
PYTEST = Carrier(
    "pytest", "9.2.0", "97c4f3b1f3c7414aa36465e09b8220f1d03627993bd51b1282e193753c80557b",
    "MIT", "2004 Holger Krekel and others", sdist=True,
)  # fmt: skip
CARRIERS = (PIP, PYTEST)
CHANGELOGS = ((PIP, "pip-26.3/NEWS.rst"), (PYTEST, "pytest-9.2.0/doc/en/changelog.rst"))

IMPERATIVE = frozenset((
    "add", "allow", "avoid", "accept", "adjust", "align", "apply", "ban", "block", "build", "bump", "cache",
    "call", "change", "check", "clarify", "clean", "clear", "collect", "combine", "convert", "copy",
    "correct", "create", "cut", "declare", "deprecate", "detect", "disable", "discard", "display", "document",
    "drop", "emit", "enable", "encode", "ensure", "escape", "exclude", "expand", "explain", "export",
    "expose", "extend", "extract", "fail", "fall", "filter", "find", "fix", "follow", "force", "forbid",
    "format", "generate", "give", "handle", "hide", "honor", "honour", "ignore", "implement", "import",
    "improve", "include", "increase", "initialize", "introduce", "invoke", "keep", "limit", "link", "list",
    "load", "log", "lower", "make", "mark", "match", "mention", "merge", "migrate", "minimize", "modernize",
    "move", "normalize", "note", "omit", "open", "optimize", "parse", "pass", "pin", "prefer", "preserve",
    "prevent", "print", "prohibit", "propagate", "provide", "publish", "raise", "read", "rebuild", "record",
    "recognize", "redact", "reduce", "refactor", "refuse", "register", "reject", "relax", "release", "remove",
    "rename", "reorder", "reorganize", "replace", "report", "request", "require", "reset", "resolve",
    "respect", "restore", "restrict", "retry", "return", "reuse", "rework", "rewrite", "run", "save",
    "search", "select", "send", "separate", "set", "share", "show", "silence", "simplify", "skip", "sort",
    "speed", "split", "start", "stop", "store", "strip", "support", "suppress", "switch", "sync", "take",
    "terminate", "tighten", "treat", "trim", "try", "turn", "unify", "uninstall", "update", "upgrade",
    "use", "validate", "vendor", "verify", "wait", "warn", "work", "wrap", "write",
))  # fmt: skip
ITEM = re.compile(r"^[-*] (.+(?:\n  .+)*)", re.MULTILINE)
VENDORED = re.compile(r"^support for |^(?:upgrade|update|bump|vendor)\b.*(?:\bto\b.*\d|vendored)", re.IGNORECASE)
LEADING_LINK = re.compile(r"^(?:`#\d+[^`]*`_{1,2}(?:,\s*)?)+:\s*")
TRAILING_LINK = re.compile(r"\s*\((?:`?#?[\w-]*[^()`]*<[^>]*>`_[,;\s]*)+\)\.?\s*$|\s*\(#\d+[^)]*\)\.?\s*$")
MIN_WORDS, MAX_WORDS, MAX_CHARACTERS = 3, 10, 75


def changelog_items(text: str) -> list[str]:
    """The items of a reStructuredText changelog as one line each, without links and markup."""
    return [_plain(match.group(1)) for match in ITEM.finditer(text)]


def _plain(item: str) -> str:
    line = " ".join(item.split())
    line = LEADING_LINK.sub("", TRAILING_LINK.sub("", line))
    line = re.sub(r":[\w:+-]+:`~?([^`<]+?)(?: <[^>]*>)?`", r"\1", line)
    line = re.sub(r"`([^`<]+?) <[^>]*>`__?", r"\1", line)
    line = re.sub(r"(?<!\w)\*(\w[^*]*)\*(?!\w)", r"\1", line)
    return line.replace("``", "").replace("**", "").replace("`", "").replace("\\", "").strip()


def title(item: str) -> str | None:
    """The first sentence of an item, where it is an order of 3 to 10 words; else None."""
    sentence = re.split(r"(?<=[A-Za-z0-9)])\. |: |; | -- ", item)[0].strip(" .")
    words = sentence.split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS or len(sentence) > MAX_CHARACTERS or not sentence.isascii():
        return None
    if words[0].lower() not in IMPERATIVE or not words[0][0].isupper() or VENDORED.match(sentence):
        return None
    if re.search(r"[<>{}|#*_]{2}|<|https?|\bCVE\b|\)$|[\"']$|[,:]$|^\W", sentence) or sentence.count(
        "("
    ) != sentence.count(")"):
        return None
    return sentence


def parts(text: str, carrier: Carrier, seen: set[str]) -> list[dict[str, str]]:
    """Title parts of one changelog, each text once."""
    rows = []
    for item in changelog_items(text):
        kept = title(item)
        if kept is None or kept.casefold() in seen:
            continue
        seen.add(kept.casefold())
        rows.append({"kind": "title", "text": kept, "source": carrier.source, "license": carrier.license})
    return rows


def collect(cache: Path, progress: Progress) -> list[dict[str, str]]:
    """Titles of both changelogs."""
    seen: set[str] = set()
    rows: list[dict[str, str]] = []
    for carrier, path in CHANGELOGS:
        rows += parts((unpacked(carrier, cache, progress) / path).read_text(encoding="utf-8"), carrier, seen)
    return rows
