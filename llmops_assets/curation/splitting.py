"""Train or validation, by the hash of a record's group: stable when data grow, and a group never on both sides."""

from collections.abc import Iterable
from dataclasses import dataclass

from llmops_assets.curation.records import Record
from llmops_assets.storage.atomic import sha256_bytes

BUCKETS = 10_000


@dataclass(frozen=True)
class Split:
    """The two sides."""

    train: list[Record]
    validation: list[Record]


def split(records: Iterable[Record], train_split: float) -> Split:
    """Splits by group."""
    sides: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        sides[_bucket(record.group) >= train_split * BUCKETS].append(record)
    return Split(*sides)


def _bucket(group: str) -> int:
    return int(sha256_bytes(f"split:{group}".encode())[:8], 16) % BUCKETS
