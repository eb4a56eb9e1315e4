"""What is compared between baseline and traffic: one row a column.

One request record as the gateway logs it, lengths and labels but never contents:
{"prompt_chars": 61, "answer_chars": 118, "action": "create", "refused": false, "format_valid": true,
 "latency_s": 0.84, "prompt_embedding": [0.0, 0.12, ...]}
A missing key or None means "does not apply", and the column is judged on the other records.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llmops_assets.errors import MonitoringError

Kind = Literal["numeric", "category", "rate"]
Record = Mapping[str, Any]
RECORD_KEYS = (
    "prompt_chars",
    "answer_chars",
    "action",
    "refused",
    "format_valid",
    "latency_s",
    "prompt_embedding",
)


@dataclass(frozen=True)
class Column:
    """One comparable column.

    Attributes:
        worse: the direction that is bad; a move the other way never alarms.
        rebuild: the asset to look at, and to make again, when this column drifts.
    """

    name: str
    kind: Kind
    worse: Literal["higher", "lower", "either"]
    rebuild: str


PROMPT_DISTANCE = Column("prompt_distance", "numeric", "higher", "curated_conversations")
COLUMNS = (
    Column("prompt_chars", "numeric", "either", "curated_conversations"),
    PROMPT_DISTANCE,
    Column("action", "category", "either", "curated_conversations"),
    Column("answer_chars", "numeric", "either", "sft_adapter"),
    Column("format_valid", "rate", "lower", "sft_adapter"),
    Column("refused", "rate", "higher", "dpo_model"),
    Column("latency_s", "numeric", "higher", "ollama_deployment"),
)


def column_named(name: str) -> Column:
    """The column of that name."""
    return next(column for column in COLUMNS if column.name == name)


def values_of(column: Column, records: Iterable[Record], product: str) -> list[Any]:
    """A column's values, those that do not apply left out.

    Raises:
        MonitoringError: a value is not of the column's kind.
    """
    values = []
    for number, record in enumerate(records):
        value = record.get(column.name)
        if value is None:
            continue
        if not _fits(column.kind, value):
            raise MonitoringError(
                f"expected {column.name} of kind {column.kind} in request record {number} of {product}, "
                f"got {value!r}; fix the request log"
            )
        values.append(value)
    return values


def _fits(kind: Kind, value: Any) -> bool:
    if kind == "rate":
        return isinstance(value, bool)
    if kind == "category":
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
