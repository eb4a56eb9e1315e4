"""Exact duplicates by the hash of the canonical form, near duplicates by MinHash LSH; the memory of both is a file.

Short commands differ by one word that matters ("task 41", "task 42"), so a near duplicate needs the same answer too.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from llmops_assets.curation.records import Record

PERMUTATIONS = 64
SHINGLE = 3
CACHE_KIB = 64 * 1024


class Keys(NamedTuple):
    """What tells twins: records with one `exact` key are the same, with one of `near` nearly so and of one answer.

    Attributes:
        exact: of roles and words.
        near: of the request's bands and the answer.
        names: of the record's id, and of its spare one.
    """

    exact: int
    near: tuple[int, ...]
    names: tuple[int, int]

    @property
    def twins(self) -> tuple[int, ...]:
        """Every number by which a twin is found."""
        return (self.exact, *self.near)


def exact_key(record: Record) -> int:
    """A number for the roles and words of a conversation, case and spacing aside."""
    turns = [(turn["role"], " ".join(turn["content"].casefold().split())) for turn in record.messages]
    return _number(json.dumps(turns).encode())


def spare_id(record: Record, exact: int) -> str:
    """The id that a record gets where another one has its own: it depends on these two records alone."""
    return f"{record.id}-{exact % 2**48:012x}"


def _keys(record: Record, near: tuple[int, ...]) -> Keys:
    exact = exact_key(record)
    names = (record.id, spare_id(record, exact))
    return Keys(exact, near, (_number(f"id {names[0]}".encode()), _number(f"id {names[1]}".encode())))


def keys_of(records: Sequence[Record], threshold: float) -> list[Keys]:
    """The keys of each record.

    Args:
        records: any number; many at once cost less each.
        threshold: Jaccard similarity of 3-character shingles of the request from which two are near duplicates
            with a high probability: the bands are datasketch's for it and 64 permutations.
    """
    from datasketch import MinHash

    # Shingles are short enough for a CRC to tell all of them apart, and it costs a seventh of a SHA-1.
    sketches = MinHash.bulk(
        [_sketched(record) for record in records], num_perm=PERMUTATIONS, hashfunc=crc32, scheme="affine32"
    )
    bands = _bands(threshold)
    return [
        _keys(record, _near(sketch.hashvalues, bands, record.texts[-1]))
        for record, sketch in zip(records, sketches, strict=True)
    ]


def shingles(text: str) -> frozenset[str]:
    """All runs of three characters; of a shorter text the text itself."""
    return frozenset(text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1)))


def _sketched(record: Record) -> set[bytes]:
    return {shingle.encode() for shingle in shingles(" ".join(" ".join(record.texts[:-1]).casefold().split()))}


@lru_cache(maxsize=8)
def _bands(threshold: float) -> tuple[slice, ...]:
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    return tuple(slice(band * index.r, (band + 1) * index.r) for band in range(index.b))


def _near(values: Any, bands: Sequence[slice], answer: str) -> tuple[int, ...]:
    said = answer.encode()
    return tuple(_number(bytes([place]) + values[band].tobytes() + said) for place, band in enumerate(bands))


def _number(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), signed=True)


class Twins:
    """Remembers what was kept, in a file, and names the twin of what comes next.

    A file, because a million records have six million keys, which would be 600 MB of a process.
    """

    def __init__(self, path: Path) -> None:
        """An empty memory at `path`, which needs not outlive the run."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        for setting in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}", "locking_mode=EXCLUSIVE"):
            self._db.execute(f"PRAGMA {setting}").close()
        self._db.execute("CREATE TABLE kept (key INTEGER PRIMARY KEY, id TEXT)")

    def known(self, keys: Iterable[Keys]) -> dict[int, str]:
        """The ids of the kept records that have one of these keys or names, by key."""
        wanted = json.dumps([key for each in keys for key in (*each.twins, *each.names)])
        query = "SELECT key, id FROM kept WHERE key IN (SELECT value FROM json_each(?))"
        with closing(self._db.execute(query, (wanted,))) as found:
            return dict(found.fetchall())

    def add(self, kept: dict[int, str]) -> None:
        """Remembers ids by key."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", sorted(kept.items()))
        self._db.execute("COMMIT")

    def __len__(self) -> int:
        """How many keys are remembered."""
        return int(self._db.execute("SELECT count(*) FROM kept").fetchone()[0])

    def close(self) -> None:
        """Lets the file go."""
        self._db.close()


def twin_in(known: dict[int, str], keys: Keys) -> tuple[str, str] | None:
    """(rule, reason) where a kept record has one of these keys."""
    if keys.exact in known:
        return "exact_duplicate", f"the same conversation as {known[keys.exact]}"
    near = sorted(known[key] for key in keys.near if key in known)
    return ("near_duplicate", f"nearly the same conversation as {near[0]}") if near else None
