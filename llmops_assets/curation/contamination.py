"""What of the training data is in the evaluation: the same request, one that is nearly so, or eight words in a row of it.

Nearly so: of two sets of 3-character shingles nine tenths are the same, as where one letter of a long request differs, and all
words with digits are: "task 57" is another task than "task 5". Eight words in a row are hardly ever chance: of 29,273 rows that
were written or collected apart from their evaluation, 45 have a run of eight words with it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from llmops_assets.curation.deduplication import shingles
from llmops_assets.curation.records import asked

WORD = re.compile(r"\w+")
NEAR = 0.9
RUN = 8


def request_words(messages: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The user's words of all turns, without case and punctuation."""
    return tuple(WORD.findall(asked(messages).casefold()))


def runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """All runs of so many words."""
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))


class CaseIndex:
    """The evaluation cases, ready to be looked up by many training rows."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Indexes cases {"id", "messages"}."""
        self._exact: dict[tuple[str, ...], str] = {}
        self._shingles: dict[str, frozenset[str]] = {}
        self._numbers: dict[str, list[str]] = {}
        self._runs: dict[tuple[str, ...], str] = {}
        for case in cases:
            words = request_words(case["messages"])
            self._exact[words] = case["id"]
            self._shingles[case["id"]], self._numbers[case["id"]] = shingles(" ".join(words)), _with_digits(words)
            self._runs.update(dict.fromkeys(runs(words, RUN), case["id"]))
        self._often = Counter(chain.from_iterable(self._shingles.values()))
        self._with: dict[str, list[str]] = {}
        for name, own in self._shingles.items():
            for shingle in self._rarest(own):
                self._with.setdefault(shingle, []).append(name)

    def overlap(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The id of a case that the request repeats; empty where there is none."""
        words = request_words(messages)
        if words in self._exact:
            return self._exact[words]
        return self._alike(words) or next((self._runs[run] for run in runs(words, RUN) if run in self._runs), "")

    def _alike(self, words: Sequence[str]) -> str:
        own, numbers = shingles(" ".join(words)), _with_digits(words)
        near = {name for shingle in self._rarest(own) for name in self._with.get(shingle, ())}
        return next(
            (
                name
                for name in sorted(near)
                if self._numbers[name] == numbers and _jaccard(own, self._shingles[name]) >= NEAR
            ),
            "",
        )

    def _rarest(self, own: frozenset[str]) -> list[str]:
        """So many of the rarest shingles that two sets which are nearly the same have at least one of them in common."""
        ordered = sorted(own, key=lambda shingle: (self._often[shingle], shingle))
        return ordered[: int(len(ordered) * (1 - NEAR) + 1e-6) + 1]


def _with_digits(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(char.isdigit() for char in word)]


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    return len(one & other) / len(one | other)
