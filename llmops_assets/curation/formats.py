"""Reads what users drop: chat `messages`, ShareGPT `conversations`, Alpaca, and prompt/completion, told apart row by row.

A line that cannot be read never stops a run: it becomes a quarantine row that names file, line and reason.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.curation.records import Message, Record, Rejected
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import sha256_json

SHAREGPT_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
LONGEST_LINE = 256 * 1024
"""Bytes; a line of more is no conversation, and would cost the tokenizer seconds."""
EXPECTED = "one of the keys messages, conversations, instruction or prompt"


def read_files(files: Sequence[Path], product: str) -> tuple[list[Record], list[Rejected]]:
    """All records of the files, and what could not be read.

    Raises:
        DataError: there are no files, or not one usable row in them.
    """
    if not files:
        raise DataError(
            f"expected JSONL files with conversations for {product}, found none; put some into its raw folder"
        )
    records: list[Record] = []
    rejected: list[Rejected] = []
    for path in files:
        for found in _rows(path):
            (records if isinstance(found, Record) else rejected).append(found)  # type: ignore[arg-type]
    if not records:
        reason = rejected[0].reason if rejected else "the files are empty"
        raise DataError(
            f"expected conversations for {product} in {len(files)} files, got none that can be read: {reason}"
        )
    return records, rejected


def _rows(path: Path) -> Iterator[Record | Rejected]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        if len(line) > LONGEST_LINE:
            yield Rejected("size", f"expected at most {LONGEST_LINE} bytes, got {len(line)}", where, repr(line[:200]))
            continue
        try:
            yield _record(json.loads(line.decode("utf-8")), path.stem, where)
        except UnicodeDecodeError as error:
            yield Rejected("encoding", f"expected UTF-8, got byte {line[error.start]:#x}", where, repr(line[:200]))
        except json.JSONDecodeError as error:
            yield Rejected("json", f"expected a JSON object, got: {error.msg}", where, line.decode("utf-8")[:200])
        except RecursionError:
            yield Rejected("json", "expected a JSON object, got brackets within brackets", where, repr(line[:200]))
        except (KeyError, TypeError, ValueError) as error:
            yield Rejected("form", f"expected {EXPECTED}, got: {error}", where, line.decode("utf-8")[:200])


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
