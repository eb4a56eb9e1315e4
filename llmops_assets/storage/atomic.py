"""Writes that are there whole or not at all: aside, fsync, rename, fsync of the folder. Hashes to read them back by."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError

CHUNK = 1 << 20


def sync_folder(folder: Path) -> None:
    """Makes a rename inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> Path:
    """Writes `path` whole or not at all.

    Raises:
        StoreError: the disk refused (full, read-only); nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        Path(aside).unlink(missing_ok=True)
        raise StoreError(f"expected to write {path}, got: {error.strerror}; free the disk or fix its rights") from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Writes UTF-8 text, see `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def to_json(value: Any) -> str:
    """The one JSON form of this project: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, default=str) + "\n"


def write_json(path: Path, value: Any) -> Path:
    """Writes JSON with sorted keys, see `write_bytes`."""
    return write_text(path, to_json(value))


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        StoreError: it is missing, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"expected the file {path}, found none; run the stage that writes it") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(f"expected JSON in {path}, got: {error}; delete it and run the stage again") from error


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes one compact JSON object a line, keys in the order given."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return write_text(path, "".join(f"{line}\n" for line in lines))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Reads a JSONL file that this project wrote.

    Raises:
        StoreError: it is missing, or a line is not a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StoreError(f"expected the file {path}, found none; run the stage that writes it") from error
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise StoreError(f"expected JSON in line {number} of {path}, got: {error}") from error
        rows.append(row)
    return rows


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON form of a value."""
    return sha256_bytes(to_json(value).encode("utf-8"))


def files_in(folder: Path) -> list[Path]:
    """Every file below `folder`, sorted by its relative path."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def tree_digest(folder: Path) -> str:
    """Hex SHA-256 over relative paths and contents of every file below `folder`."""
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files_in(folder)})
