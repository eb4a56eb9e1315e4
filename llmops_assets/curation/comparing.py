"""Two versions of a dataset side by side: which records were added, removed, changed, or moved to the other split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Splits = Mapping[str, Iterable[Row]]
"""Rows with an `id` by the name of their split."""


@dataclass(frozen=True)
class Change:
    """One record that is not what it was.

    Attributes:
        kind: added, removed, changed or moved.
        id: the record's.
        before: split and row of the older version; None where it is new.
        after: split and row of the newer version; None where it is gone.
    """

    kind: str
    id: str
    before: tuple[str, Row] | None
    after: tuple[str, Row] | None

    @property
    def split(self) -> str:
        """The split, or `train -> validation` for a record that moved."""
        sides = [side[0] for side in (self.before, self.after) if side is not None]
        return " -> ".join(dict.fromkeys(sides))


@dataclass(frozen=True)
class DatasetDiff:
    """All changes in the order of their kind and id, and how many records stayed as they were."""

    changes: tuple[Change, ...]
    same: int

    def of_kind(self, kind: str) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.kind == kind]


KINDS = ("added", "removed", "moved", "changed")


def compare_datasets(older: Splits, newer: Splits) -> DatasetDiff:
    """Compares by record id; a record that moved and changed counts as moved, the graver of the two."""
    old, new = _by_id(older), _by_id(newer)
    changes = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        kind = _kind(before, after)
        if kind:
            changes.append(Change(kind, name, before, after))
    changes.sort(key=lambda change: KINDS.index(change.kind))
    return DatasetDiff(tuple(changes), len(old.keys() & new.keys()) - sum(bool(c.before and c.after) for c in changes))


def _by_id(splits: Splits) -> dict[str, tuple[str, Row]]:
    return {str(row["id"]): (split, row) for split, rows in splits.items() for row in rows}


def _kind(before: tuple[str, Row] | None, after: tuple[str, Row] | None) -> str:
    if before is None or after is None:
        return "added" if before is None else "removed"
    if before[0] != after[0]:
        return "moved"
    return "changed" if before[1] != after[1] else ""


FIRST = (1, 0, 0)


def bumped(version: tuple[int, int, int], diff: DatasetDiff) -> tuple[int, int, int]:
    """The next semantic version of a dataset.

    Major where a record is gone or has changed sides: a model or a number of before cannot be compared with one of now.
    Minor where records came, patch where only words or labels of known ones were mended.
    """
    major, minor, patch = version
    if diff.of_kind("removed") or diff.of_kind("moved"):
        return major + 1, 0, 0
    if diff.of_kind("added"):
        return major, minor + 1, 0
    return (major, minor, patch + 1) if diff.of_kind("changed") else version


def describe(diff: DatasetDiff, *, most: int = 5) -> list[str]:
    """The diff as lines for people: a count a kind, and up to `most` examples of each."""
    lines = [f"{len(diff.of_kind(kind)):6} {kind}" for kind in KINDS] + [f"{diff.same:6} the same"]
    for kind in KINDS:
        found = diff.of_kind(kind)
        lines += [line for change in found[:most] for line in _example(change)]
        if len(found) > most:
            lines.append(f"  ... and {len(found) - most} more {kind}")
    return lines


def _example(change: Change) -> list[str]:
    lines = [f"  {change.kind} {change.id} ({change.split})"]
    if change.before is not None and change.kind in ("removed", "changed"):
        lines.append(f"    - {_words(change.before[1])}")
    if change.after is not None and change.kind in ("added", "changed"):
        lines.append(f"    + {_words(change.after[1])}")
    return lines


def _words(row: Row) -> str:
    text = " | ".join(" ".join(str(turn.get("content") or "").split()) for turn in row.get("messages", ()))
    return text if len(text) <= 160 else f"{text[:157]}..."
