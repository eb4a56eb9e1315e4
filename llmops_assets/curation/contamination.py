"""What of the training data is in the evaluation: the same request word for word, or nearly so by its word trigrams."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmops_assets.curation.records import asked

WORD = re.compile(r"\w+")
NEAR = 0.9
GRAM = 3


def request_words(messages: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The user's words of all turns, without case and punctuation."""
    return tuple(WORD.findall(asked(messages).casefold()))


def grams(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """All word trigrams; of a shorter text the text itself."""
    if len(words) < GRAM:
        return frozenset({tuple(words)})
    return frozenset(tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1))


class CaseIndex:
    """The evaluation cases, ready to be looked up by many training rows."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Indexes cases {"id", "messages"}."""
        self._exact: dict[tuple[str, ...], str] = {}
        self._grams: dict[str, frozenset[tuple[str, ...]]] = {}
        self._with: dict[tuple[str, ...], set[str]] = {}
        for case in cases:
            words = request_words(case["messages"])
            self._exact[words] = case["id"]
            self._grams[case["id"]] = grams(words)
            for gram in grams(words):
                self._with.setdefault(gram, set()).add(case["id"])

    def overlap(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The id of a case that the request repeats; empty where there is none."""
        words = request_words(messages)
        if words in self._exact:
            return self._exact[words]
        own = grams(words)
        near = {name for gram in own for name in self._with.get(gram, ())}
        return next((name for name in sorted(near) if _jaccard(own, self._grams[name]) >= NEAR), "")


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other)
