"""Writes that are there whole or not at all: aside, fsync, rename, fsync of the folder. Hashes to read them back by."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from llmops_assets.errors import StoreError

CHUNK = 1 << 20
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
FULL = ("no space left on device", "file too large", "disk quota exceeded", "disk is full", "disk i/o error")


def disk_problem(error: BaseException | None) -> str:
    """What the disk refused, if that is what lies behind an error; empty otherwise.

    Native libraries pass the system's words on in errors of their own, so words count as well as numbers.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in DISK:
            return error.strerror or "the disk refused"
        words = next((words for words in FULL if words in str(error).casefold()), "")
        if words:
            return words
        error = error.__cause__ or error.__context__
    return ""


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turns what the disk refuses inside the block into one line; other errors pass as they are.

    Raises:
        StoreError: the disk is full, read-only or broken.
    """
    try:
        yield
    except OSError as error:
        problem = disk_problem(error)
        if not problem:
            raise
        raise StoreError(refused(place, problem)) from error


def refused(place: Path, problem: str) -> str:
    """The one line on a disk that takes no more."""
    return f"expected to write below {place}, got: {problem}; free the disk or fix its rights, and run again"


def sync_folder(folder: Path) -> None:
    """Makes a rename inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `path` at the end of the block, whole or not at all.

    Raises:
        StoreError: the disk refused (full, read-only); nothing is left behind.
    """
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        aside = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o644)
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        if aside is not None:
            aside.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise StoreError(f"expected to write {path}, got: {error.strerror}; free the disk or fix its rights") from error


def write_bytes(path: Path, data: bytes) -> Path:
    """Writes `path` whole or not at all, see `written_aside`."""
    with written_aside(path) as file:
        file.write(data)
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
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise StoreError(f"expected JSON in {path}, got: {error}; delete it and run the stage again") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StoreError(f"expected the file {path}, found none; run the stage that writes it") from error
    except UnicodeDecodeError as error:
        raise StoreError(
            f"expected UTF-8 in {path}, got byte {error.object[error.start]:#x} at {error.start}; save it as UTF-8"
        ) from error
    except OSError as error:
        raise StoreError(f"expected to read {path}, got: {error.strerror}; fix its rights or its disk") from error


def to_line(row: dict[str, Any]) -> bytes:
    """One compact JSON object and a newline, keys in the order given."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Writes one compact JSON object a line, as they come."""
    with written_aside(path) as file:
        file.writelines(map(to_line, rows))
    return path


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Reads a JSONL file that this project wrote.

    Raises:
        StoreError: it is missing, not UTF-8, or a line is not a JSON object.
    """
    return list(each_row(path))


def each_row(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file that this project wrote, one at a time; see `read_jsonl`."""
    # Not `splitlines`: it also cuts at characters that JSON leaves as they are inside a string, such as U+2028.
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(line, number, path)
    except FileNotFoundError as error:
        raise StoreError(f"expected the file {path}, found none; run the stage that writes it") from error
    except OSError as error:
        raise StoreError(f"expected to read {path}, got: {error.strerror}; fix its rights or its disk") from error


def _object(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise StoreError(
            f"expected UTF-8 in line {number} of {path}, got byte {error.object[error.start]:#x} at {error.start}; "
            "save it as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise StoreError(
            f"expected JSON in line {number} of {path}, got: {error.msg}; mend or delete the line"
        ) from error
    if not isinstance(row, dict):
        raise StoreError(
            f"expected a JSON object in line {number} of {path}, got a {type(row).__name__}; mend or delete the line"
        )
    return row


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
