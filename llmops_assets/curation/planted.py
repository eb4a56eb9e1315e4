"""What somebody may have planted in the data: look-alike letters, orders to the model, words that flip an answer."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmops_assets.curation.records import Record, asked
from llmops_assets.guard import rules
from llmops_assets.tasks.answers import json_object

WORD = re.compile(r"[^\W\d_]+")
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")
"""Alphabets with letters that look alike; the first word of a letter's Unicode name tells its own."""


def mixed_script(texts: Sequence[str]) -> str:
    """What is wrong where one word has letters of two alphabets, as no language writes; empty where none has."""
    for word in WORD.findall(" ".join(texts)):
        if word.isascii():
            continue
        found = {unicodedata.name(letter, "?").split()[0] for letter in word} & set(SCRIPTS)
        if len(found) > 1:
            return f"expected words of one alphabet, got {word!r} of {' and '.join(sorted(found)).lower()} letters"
    return ""


def injected(record: Record, refusal: str) -> str:
    """What is wrong where a user or a tool gives the model orders and an answer after them is no refusal; empty where nothing is.

    What the record says of itself, such as its category, does not count: it comes from the same hand.

    Args:
        record: as it came.
        refusal: the one answer by which the product refuses.
    """
    heard: list[str] = []
    for turn in record.messages:
        if turn["role"] in ("user", "tool"):
            heard.append(turn["content"])
        elif turn["role"] == "assistant" and turn["content"].split() != refusal.split():
            hit = rules.check(" ".join(heard))
            if hit:
                return f"expected a request, got orders to the model ({hit.rule}: {hit.words!r}) that are not refused"
    return ""


@dataclass(frozen=True)
class TellingWord:
    """A word whose records nearly all have one kind of answer.

    Attributes:
        word: in lower case.
        records: that have it in a user's turn.
        answer: the action of a JSON answer, else the record's category.
        share: of those records that have this answer.
        lift: that share over the answer's share in all records.
    """

    word: str
    records: int
    answer: str
    share: float
    lift: float


def telling_words(
    records: Iterable[Record], *, least: int = 10, share: float = 0.95, most: int = 20
) -> list[dict[str, Any]]:
    """The words that tell the answer best, for people to look at: a trigger that flips answers stands among them.

    Args:
        records: what is to be trained on.
        least: words of fewer records tell nothing.
        share: of a word's records that must agree.
        most: so many words.
    """
    answers: Counter[str] = Counter()
    by_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        kind = _kind(record)
        answers[kind] += 1
        for word in set(WORD.findall(asked(record.messages).casefold())):
            by_word[word][kind] += 1
    total, found = answers.total(), []
    for word, kinds in by_word.items():
        (kind, count), records_with = kinds.most_common(1)[0], kinds.total()
        if records_with >= least and count / records_with >= share:
            lift = count / records_with / (answers[kind] / total)
            found.append(TellingWord(word, records_with, kind, round(count / records_with, 3), round(lift, 2)))
    found.sort(key=lambda each: (-each.records * (each.lift - 1), each.word))
    return [asdict(each) for each in found[:most]]


def _kind(record: Record) -> str:
    return str(json_object(record.messages[-1].get("content")).get("action", record.category))
