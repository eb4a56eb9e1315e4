"""Dataset rows -> token ids with a loss mask, and the checks that hold before the first step.

A row is {"id", "messages": [{"role", "content"}...]}. Every assistant turn is trained, unless it carries "train": false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import DataError, TrainingError
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks.chat_template import SPECIAL, TURN_END, opening

IGNORED = -100


@dataclass(frozen=True)
class TrainingRow:
    """One conversation as the trainer sees it."""

    id: str
    input_ids: list[int]
    labels: list[int]

    @property
    def prompt(self) -> list[int]:
        """The tokens before the last trained turn."""
        answer = next(place for place in range(len(self.labels), 0, -1) if self.labels[place - 1] == IGNORED)
        return self.input_ids[:answer]

    @property
    def trained(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True)
class RowSet:
    """The rows that fit, and the ids of those that are too long."""

    rows: tuple[TrainingRow, ...]
    too_long: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """All tokens of one pass."""
        return sum(len(row.input_ids) for row in self.rows)

    @property
    def trained_tokens(self) -> int:
        """Tokens that carry loss in one pass."""
        return sum(row.trained for row in self.rows)


def segments(messages: Sequence[dict[str, Any]], where: str) -> list[tuple[str, bool]]:
    """Splits a conversation at the borders that serving has: (text, carries loss). Together they are its rendered text.

    Raises:
        DataError: a turn is malformed, or its text holds a token of the chat format.
    """
    parts: list[tuple[str, bool]] = []
    pending = ""
    for turn in messages:
        role, content = turn.get("role"), turn.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            raise DataError(f"expected role and content as text in row {where}, got {turn!r}; correct the dataset")
        if any(token in content for token in SPECIAL):
            raise DataError(f"expected plain text in row {where}, got a token of the chat format; clean the dataset")
        pending += opening(role)
        if role == "assistant" and turn.get("train", True):
            parts += [(pending, False), (f"{content}{TURN_END}", True)]
            pending = "\n"
        else:
            pending += f"{content}{TURN_END}\n"
    return parts


def encode_row(row: dict[str, Any], tokenizer: Any) -> TrainingRow:
    """Token ids and labels of one row; what follows the last trained turn is left out."""
    ids: list[int] = []
    labels: list[int] = []
    where = str(row.get("id", "without id"))
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise DataError(
            f"expected a list of messages in row {where}, got {type(messages).__name__}; correct the dataset"
        )
    for text, trained in segments(messages, where):
        part = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += part
        labels += part if trained else [IGNORED] * len(part)
    return TrainingRow(where, ids, labels)


def load_rows(path: Path, tokenizer: Any, max_length: int) -> RowSet:
    """Reads and encodes a dataset, and checks what must hold before the first step.

    Raises:
        DataError: a row is malformed.
        TrainingError: no row is left, or a row would train nothing or never learn to stop.
    """
    encoded = [encode_row(row, tokenizer) for row in read_jsonl(path)]
    fitting = tuple(row for row in encoded if len(row.input_ids) <= max_length)
    too_long = tuple(row.id for row in encoded if len(row.input_ids) > max_length)
    if not fitting:
        raise TrainingError(
            f"expected rows of up to {max_length} tokens in {path}, got {len(encoded)} rows and none fits; raise max_length"
        )
    check_masks(fitting, tokenizer)
    return RowSet(fitting, too_long)


def check_masks(rows: Sequence[TrainingRow], tokenizer: Any) -> None:
    """Every row trains something, and every trained turn ends with its end-of-turn token inside the mask.

    Raises:
        TrainingError: names the first row that does not.
    """
    end = tokenizer.eos_token_id
    for row in rows:
        if row.trained == 0:
            raise TrainingError(
                f"expected an assistant's turn to train on in row {row.id}, got none; correct the dataset"
            )
        for place, label in enumerate(row.labels):
            last = place + 1 == len(row.labels) or row.labels[place + 1] == IGNORED
            if label != IGNORED and last and label != end:
                raise TrainingError(
                    f"expected {TURN_END} at the end of each trained turn of row {row.id}, got token {label}"
                )


def show_row(row: TrainingRow, tokenizer: Any) -> str:
    """One rendered row for people to look at: what carries loss stands between ⟦ and ⟧."""
    shown, inside = "", False
    for token, label in zip(row.input_ids, row.labels, strict=True):
        if (label != IGNORED) != inside:
            inside = not inside
            shown += "⟦" if inside else "⟧"
        shown += tokenizer.decode([token])
    return shown + ("⟧" if inside else "")
