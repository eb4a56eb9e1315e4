"""What people say of records: which are offered to them, what they decided, and what curation makes of it.

Decisions lie in `data/review/<product>.jsonl`, a line each, by the hash of the cleaned record: they outlive every rebuild.

{"content": "<sha256>", "verdict": "edit", "reason": "title ends earlier", "by": "Ana", "messages": [...]}
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from llmops_assets.curation.contamination import request_words
from llmops_assets.curation.records import Message, Record
from llmops_assets.curation.redaction import PLACEHOLDER
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import read_jsonl, write_jsonl

Verdict = Literal["keep", "edit", "reject"]
SHARE = 0.1
"""Of the records that people wrote or collected, at least so many are offered."""


@dataclass(frozen=True)
class Decision:
    """One person's word on one record.

    Attributes:
        content: `Record.content_hash` of the cleaned record.
        verdict: keep, edit or reject.
        reason: why; never empty for edit and reject.
        by: who.
        messages: the turns as they should be, for edit.
    """

    content: str
    verdict: Verdict
    reason: str
    by: str
    messages: tuple[Message, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """The JSONL form."""
        row = {"content": self.content, "verdict": self.verdict, "reason": self.reason, "by": self.by}
        return {**row, "messages": list(self.messages)} if self.verdict == "edit" else row


Decisions = Mapping[str, Decision]
"""By the content they are about; of two on one record the later holds."""


def decision_from(row: Mapping[str, Any]) -> Decision:
    """A decision from its JSONL form.

    Raises:
        ValueError: the verdict is unknown, a reason is missing, or an edit has no turns.
    """
    verdict, reason = row.get("verdict"), str(row.get("reason") or "").strip()
    if verdict not in get_args(Verdict):
        raise ValueError(f"expected the verdict keep, edit or reject, got {verdict!r}")
    if verdict != "keep" and not reason:
        raise ValueError(f"expected a reason to {verdict} the record, got none")
    turns = tuple(row.get("messages") or ())
    if verdict == "edit" and not turns:
        raise ValueError("expected the turns as they should be, got none")
    return Decision(
        str(row["content"]),
        cast(Verdict, verdict),
        reason,
        str(row.get("by") or ""),
        turns if verdict == "edit" else (),
    )


def read_decisions(path: Path) -> dict[str, Decision]:
    """All decisions of a product; none where nobody has reviewed yet.

    Raises:
        DataError: a line is no decision.
    """
    if not path.exists():
        return {}
    found = {}
    for number, row in enumerate(read_jsonl(path), 1):
        try:
            decision = decision_from(row)
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}:{number}: expected a decision, got: {error}; mend or delete the line") from error
        found[decision.content] = decision
    return found


def add_decision(path: Path, decision: Decision) -> None:
    """Writes one more decision; the file is whole before and after."""
    rows = read_jsonl(path) if path.exists() else []
    write_jsonl(path, [*rows, decision.to_row()])


def decided(record: Record, decisions: Decisions) -> tuple[Record, str]:
    """The record as a person left it, and why it is rejected; empty where it is not."""
    decision = decisions.get(record.content_hash)
    if decision is None or decision.verdict == "keep":
        return record, ""
    if decision.verdict == "reject":
        return record, f"{decision.by or 'a reviewer'}: {decision.reason}"
    return replace(record, messages=decision.messages), ""


@dataclass(frozen=True)
class Offer:
    """A record that a person should look at, and why."""

    record: Record
    why: str


def offers(records: Sequence[Record], decisions: Decisions, share: float = SHARE) -> list[Offer]:
    """What is left to review: all that is flagged, then a sample, until `share` of all records are decided.

    The sample goes by hash, so that it stays the same whatever else grows. Composed records are not offered.
    """
    settled = {decision.content for decision in decisions.values()} | {
        _hash_of(decision) for decision in decisions.values() if decision.verdict == "edit"
    }
    written = [record for record in records if not record.composed]
    flags = contradictions(written) | placeholders(written)
    left = sorted(
        (record for record in written if record.content_hash not in settled), key=lambda record: record.content_hash
    )
    flagged = [Offer(record, flags[record.id]) for record in left if record.id in flags]
    rest = [Offer(record, "sample") for record in left if record.id not in flags]
    done = len(written) - len(left)
    return [*flagged, *rest[: max(0, math.ceil(share * len(written)) - done - len(flagged))]]


def _hash_of(decision: Decision) -> str:
    return Record("", decision.messages, "", "", "", "", False).content_hash


def contradictions(records: Iterable[Record]) -> dict[str, str]:
    """Records, by id, whose request has another answer in another record."""
    by_request: defaultdict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        by_request[request_words(record.messages)].append(record)
    found = {}
    for alike in by_request.values():
        for record in alike:
            other = next((one for one in alike if one.texts[-1] != record.texts[-1]), None)
            if other is not None:
                found[record.id] = f"the same request has another answer in {other.id}"
    return found


def placeholders(records: Iterable[Record]) -> dict[str, str]:
    """Records, by id, in which something was redacted."""
    hits = {record.id: dict.fromkeys(PLACEHOLDER.findall(" ".join(record.texts))) for record in records}
    return {name: f"redacted: {', '.join(found)}" for name, found in hits.items() if found}
