"""Exact duplicates by the hash of the canonical form, near duplicates by MinHash LSH.

Short commands differ by one word that matters ("task 41", "task 42"), so a near duplicate needs the same answer too.
"""

from typing import Any

from llmops_assets.curation.records import Record
from llmops_assets.storage.atomic import sha256_json

PERMUTATIONS = 64
SHINGLE = 3


class Deduplicator:
    """Remembers what was kept and names the twin of what comes next."""

    def __init__(self, threshold: float) -> None:
        """An empty memory.

        Args:
            threshold: Jaccard similarity of 3-character shingles from which two requests are near duplicates.
        """
        from datasketch import MinHashLSH

        self._exact: dict[str, str] = {}
        self._lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
        self._answers: dict[str, str] = {}

    def twin_of(self, record: Record) -> tuple[str, str] | None:
        """(rule, reason) where a twin was kept before."""
        exact = self._exact.get(_canonical(record))
        if exact:
            return "exact_duplicate", f"the same conversation as {exact}"
        answer = record.messages[-1].get("content", "")
        near = [key for key in self._lsh.query(_minhash(record)) if self._answers[key] == answer]
        return ("near_duplicate", f"nearly the same conversation as {sorted(near)[0]}") if near else None

    def add(self, record: Record) -> None:
        """Remembers a kept record; of two with one id only the first can be a near twin."""
        self._exact[_canonical(record)] = record.id
        if record.id not in self._answers:
            self._lsh.insert(record.id, _minhash(record))
            self._answers[record.id] = record.messages[-1].get("content", "")


def _canonical(record: Record) -> str:
    return sha256_json(
        [[turn["role"], " ".join(str(turn.get("content") or "").casefold().split())] for turn in record.messages]
    )


def _minhash(record: Record) -> Any:
    from datasketch import MinHash

    text = " ".join(" ".join(record.texts[:-1]).casefold().split())
    sketch = MinHash(num_perm=PERMUTATIONS)
    sketch.update_batch({text[at : at + SHINGLE].encode() for at in range(max(1, len(text) - SHINGLE + 1))})
    return sketch
