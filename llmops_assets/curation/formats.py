"""Reads what users drop: chat `messages`, ShareGPT `conversations`, Alpaca, and prompt/completion, told apart row by row.

A line that cannot be read never stops a run: it becomes a quarantine row that names file, line and reason.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from llmops_assets.curation.records import Message, Record, Rejected
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import sha256_json

SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
LONGEST_LINE = 256 * 1024
"""Bytes; a line of more is no conversation, and would cost the tokenizer seconds."""
EXPECTED = "one of the keys messages, conversations, instruction or prompt"


class Line(NamedTuple):
    """A line of a file of records: its place, the name for records without one, its first bytes, and its length."""

    where: str
    stem: str
    data: bytes
    size: int


def lines_in(files: Sequence[Path], product: str) -> Iterator[Line]:
    """The lines that hold something, one at a time; of too long ones only the beginning is kept.

    Raises:
        DataError: there are no files.
    """
    if not files:
        raise DataError(
            f"expected JSONL files with conversations for {product}, found none; put some into its raw folder"
        )
    for path in files:
        with path.open("rb") as file:
            for number, (data, size) in enumerate(_bounded(file), 1):
                if data.strip():
                    yield Line(f"{path.name}:{number}", path.stem, data, size)


def _bounded(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    while data := file.readline(LONGEST_LINE + 1):
        size, last = len(data), data
        while not last.endswith(b"\n") and (last := file.readline(LONGEST_LINE)):
            size += len(last)
        yield data, size


def record_of(line: Line) -> Record | Rejected:
    """The record of a line, or why there is none."""
    where, data = line.where, line.data
    if line.size > LONGEST_LINE:
        return Rejected("size", f"expected at most {LONGEST_LINE} bytes, got {line.size}", where, repr(data[:200]))
    try:
        return _record(json.loads(data.decode("utf-8")), line.stem, where)
    except UnicodeDecodeError as error:
        return Rejected("encoding", f"expected UTF-8, got byte {data[error.start]:#x}", where, repr(data[:200]))
    except json.JSONDecodeError as error:
        return Rejected("json", f"expected a JSON object, got: {error.msg}", where, data.decode("utf-8")[:200])
    except RecursionError:
        return Rejected("json", "expected a JSON object, got brackets within brackets", where, repr(data[:200]))
    except (KeyError, TypeError, ValueError) as error:
        return Rejected("form", f"expected {EXPECTED}, got: {error}", where, data.decode("utf-8")[:200])


def _record(row: Any, stem: str, where: str) -> Record:
    if not isinstance(row, dict):
        raise TypeError(f"a {type(row).__name__}")
    messages = messages_of(row)
    name = str(row.get("id") or f"{stem}-{sha256_json(messages)[:12]}")
    return Record(
        id=name,
        messages=tuple(messages),
        source=str(row.get("source") or f"file {stem}"),
        license=str(row.get("license") or "LicenseRef-Project"),
        group=str(row.get("group") or name),
        category=str(row.get("category") or "other"),
        composed=bool(row.get("composed", False)),
    )


def messages_of(row: dict[str, Any]) -> list[Message]:
    """The turns of a row in any of the known forms.

    Raises:
        ValueError: it has none of them.
    """
    if "messages" in row:
        return [dict(turn) for turn in row["messages"]]
    if "conversations" in row:
        return [{"role": SHAREGPT_ROLES[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]
    if "instruction" in row:
        asked = "\n\n".join(part for part in (row["instruction"], row.get("input")) if part)
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]
    if "prompt" in row:
        answer = row["completion"] if "completion" in row else row["response"]
        return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": answer}]
    raise ValueError(f"the keys {', '.join(sorted(row))[:80]}")
