"""Reads what users drop: chat `messages`, ShareGPT `conversations`, Alpaca, and prompt/completion, told apart row by row.

A line that cannot be read never stops a run: it becomes a quarantine row that names file, line and reason. Turns hold text
and nothing else: what is no text could be neither cleaned nor redacted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, NamedTuple

from llmops_assets.curation.records import Message, Record, Rejected
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import sha256_json, to_line

SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
LONGEST_LINE = 256 * 1024
"""Bytes; a line of more is no conversation, and would cost the tokenizer seconds."""
UNKNOWN = "unknown"
"""The licence of a record that says none: nobody may sell what is trained on it."""
EXPECTED = "one of the keys messages, conversations, instruction or prompt, with text in every turn"


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
        row = json.loads(data.decode("utf-8"))
        # What could not be written again would end the run later.
        to_line({"row": row})
        return _record(row, line.stem, where)
    except UnicodeDecodeError as error:
        return Rejected("encoding", f"expected UTF-8, got byte {data[error.start]:#x}", where, repr(data[:200]))
    except UnicodeEncodeError as error:
        half = f"expected whole characters, got the half {error.object[error.start]!a}"
        return Rejected("encoding", half, where, data.decode("utf-8")[:200])
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
    content = sha256_json(messages)[:12]
    name = str(row.get("id") or f"{stem}-{content}")
    return Record(
        id=name,
        messages=tuple(messages),
        source=str(row.get("source") or f"file {stem}"),
        license=str(row.get("license") or UNKNOWN),
        # Not by the file's name: a record that lies in another file keeps its side of the split.
        group=str(row.get("group") or row.get("id") or content),
        category=str(row.get("category") or "other"),
        composed=bool(row.get("composed", False)),
    )


def messages_of(row: dict[str, Any]) -> list[Message]:
    """The turns of a row in any of the known forms.

    Raises:
        ValueError: it has none of them, or calls a tool.
        TypeError: a turn holds something else than text.
    """
    if "messages" in row:
        return [_turn(turn.get("role"), turn.get("content"), turn) for turn in map(dict, row["messages"])]
    if "conversations" in row:
        return [_turn(SHAREGPT_ROLES[turn["from"]], turn["value"], turn) for turn in row["conversations"]]
    if "instruction" in row:
        asked = "\n\n".join(part for part in (row["instruction"], row.get("input")) if part)
        return [_turn("user", asked), _turn("assistant", row["output"])]
    if "prompt" in row:
        answer = row["completion"] if "completion" in row else row["response"]
        return [_turn("user", row["prompt"]), _turn("assistant", answer)]
    raise ValueError(f"the keys {', '.join(sorted(row))[:80]}")


def _turn(role: Any, content: Any, came: Mapping[str, Any] = MappingProxyType({})) -> Message:
    if not isinstance(role, str) or not isinstance(content, str):
        raise TypeError(f"a turn of {role!r} with a {type(content).__name__}"[:120])
    if came.get("tool_calls"):
        raise ValueError("a turn with tool_calls; write what the assistant says as its content")
    untrained = {"train": False} if came.get("train") is False else {}
    return {"role": role, "content": content, **untrained}
