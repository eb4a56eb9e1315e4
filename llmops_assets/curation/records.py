"""The one form of a record, and the quarantine row of what did not become one.

{"id": "written-0007", "messages": [{"role": "user", ...}, {"role": "assistant", ...}], "source": "written-requests",
 "license": "LicenseRef-Project", "group": "written-0007", "category": "create", "composed": false}
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from llmops_assets.storage.atomic import sha256_json

Message = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A conversation that ends with the answer to learn, and where it comes from."""

    id: str
    messages: tuple[Message, ...]
    source: str
    license: str
    group: str
    category: str
    composed: bool

    def to_row(self) -> dict[str, Any]:
        """The JSONL form."""
        return {**asdict(self), "messages": list(self.messages)}

    def with_texts(self, texts: list[str]) -> "Record":
        """The same record with other contents, turn by turn."""
        turns = tuple({**turn, "content": text} for turn, text in zip(self.messages, texts, strict=True))
        return replace(self, messages=turns)

    @property
    def texts(self) -> list[str]:
        """The contents of all turns."""
        return [turn["content"] for turn in self.messages]

    @property
    def content_hash(self) -> str:
        """Hash of the canonical form: roles and contents, nothing else."""
        return sha256_json([[turn["role"], turn["content"]] for turn in self.messages])


@dataclass(frozen=True)
class Rejected:
    """What was not taken: by which rule, why, and the row as it came."""

    rule: str
    reason: str
    where: str
    row: Any

    def to_row(self) -> dict[str, Any]:
        """The JSONL form."""
        return asdict(self)


def asked(messages: Sequence[Mapping[str, Any]]) -> str:
    """The user's words of all turns."""
    return " ".join(str(turn.get("content") or "") for turn in messages if turn["role"] == "user")


def record_from(row: dict[str, Any]) -> Record:
    """A record from its own JSONL form."""
    names = ("id", "source", "license", "group", "category", "composed")
    return Record(messages=tuple(row["messages"]), **{name: row[name] for name in names})
