"""What of the training data is in the evaluation: the same request, one that is nearly so, or eight words in a row of it.

Nearly so: of two sets of word trigrams nine tenths are the same. Eight words in a row are hardly ever chance: of 29,273 rows
that were written or collected apart from their evaluation, 45 have a run of eight words with it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmops_assets.curation.records import asked

WORD = re.compile(r"\w+")
NEAR = 0.9
GRAM, RUN = 3, 8


def request_words(messages: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The user's words of all turns, without case and punctuation."""
    return tuple(WORD.findall(asked(messages).casefold()))


def grams(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """All word trigrams; of a shorter text the text itself."""
    return frozenset(_runs(words, GRAM)) or frozenset({tuple(words)})


def _runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))


class CaseIndex:
    """The evaluation cases, ready to be looked up by many training rows."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Indexes cases {"id", "messages"}."""
        self._exact: dict[tuple[str, ...], str] = {}
        self._grams: dict[str, frozenset[tuple[str, ...]]] = {}
        self._with: dict[tuple[str, ...], set[str]] = {}
        self._runs: dict[tuple[str, ...], str] = {}
        for case in cases:
            words = request_words(case["messages"])
            self._exact[words] = case["id"]
            self._grams[case["id"]] = grams(words)
            for gram in grams(words):
                self._with.setdefault(gram, set()).add(case["id"])
            self._runs.update(dict.fromkeys(_runs(words, RUN), case["id"]))

    def overlap(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The id of a case that the request repeats; empty where there is none."""
        words = request_words(messages)
        if words in self._exact:
            return self._exact[words]
        own = grams(words)
        near = {name for gram in own for name in self._with.get(gram, ())}
        alike = next((name for name in sorted(near) if _jaccard(own, self._grams[name]) >= NEAR), "")
        return alike or next((self._runs[run] for run in _runs(words, RUN) if run in self._runs), "")


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other)
