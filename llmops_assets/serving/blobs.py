"""Files by their SHA-256, as Ollama lays them out: `blobs/sha256-<hex>`. Written aside, synced, renamed."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from llmops_assets.errors import ServingError
from llmops_assets.storage import atomic

DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")
UPLOAD = ".upload-"


class InvalidDigestError(ServingError):
    """A text that is no digest."""


class CorruptBlobError(ServingError):
    """A blob whose bytes are not those that its name says."""


def hex_of(digest: str) -> str:
    """The lower-case hex part of a digest; nothing else ever becomes part of a path.

    Raises:
        InvalidDigestError: with Ollama's text.
    """
    found = DIGEST.fullmatch(digest)
    if found is None:
        raise InvalidDigestError("invalid digest format")
    return found[1].lower()


@dataclass(frozen=True)
class BlobStore:
    """The blobs below one folder."""

    root: Path

    def path(self, digest: str) -> Path:
        """Where a blob lies, or would lie."""
        return self.root / f"sha256-{hex_of(digest)}"

    def has(self, digest: str) -> bool:
        """Whether it is here."""
        return self.path(digest).is_file()

    def add(self, data: bytes) -> str:
        """Stores bytes and returns their digest."""
        digest = f"sha256:{atomic.sha256_bytes(data)}"
        if not self.has(digest):
            atomic.write_bytes(self.path(digest), data)
        return digest

    def upload(self) -> "Upload":
        """A blob that arrives in pieces."""
        return Upload(self)

    def verify(self, digest: str) -> Path:
        """The path of a blob whose bytes were hashed and found right.

        Raises:
            CorruptBlobError: they were not.
        """
        path = self.path(digest)
        found = atomic.sha256_file(path)
        if found != hex_of(digest):
            raise CorruptBlobError(
                f"expected sha256 {hex_of(digest)[:12]} in {path.name[:19]}, got {found[:12]}; upload the file again"
            )
        return path

    def digests(self) -> list[str]:
        """Every blob that is here."""
        names = (path.name for path in self.root.glob("sha256-*"))
        return [f"sha256:{hex_of(name)}" for name in names if DIGEST.fullmatch(name)]

    def remove(self, digests: Iterable[str]) -> None:
        """Deletes blobs; a file that is mapped into memory lives on until it is let go."""
        for digest in digests:
            self.path(digest).unlink(missing_ok=True)

    def drop_uploads(self) -> None:
        """Deletes what killed uploads left; only for a store that nobody else writes to."""
        for path in self.root.glob(f"{UPLOAD}*"):
            path.unlink(missing_ok=True)


class Upload(AbstractContextManager["Upload"]):
    """Writes aside and hashes; `keep` makes it a blob, leaving the block without it drops it."""

    def __init__(self, store: BlobStore) -> None:
        """Opens the file aside."""
        store.root.mkdir(parents=True, exist_ok=True)
        self._store = store
        handle, name = tempfile.mkstemp(dir=store.root, prefix=UPLOAD)
        self._file, self._path = os.fdopen(handle, "wb"), Path(name)
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Adds bytes."""
        self._hash.update(chunk)
        self._file.write(chunk)

    def keep(self) -> str:
        """Makes what was written a blob and returns its digest."""
        self._file.flush()
        os.fsync(self._file.fileno())
        digest = f"sha256:{self._hash.hexdigest()}"
        self._path.chmod(0o644)
        self._path.replace(self._store.path(digest))
        atomic.sync_folder(self._store.root)
        return digest

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes, and deletes what was not kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)
