"""What says that an artifact is whole: its manifest, whose list of files hashes to the name of its folder, and the pointers to it."""

import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from llmops_assets.errors import ArtifactCorruptError, StoreError
from llmops_assets.storage import atomic

MANIFEST = "manifest.json"


def read_manifest(folder: Path, what: str) -> dict[str, Any]:
    """The manifest of an artifact's folder, which is named by the digest; see `checked_manifest`.

    Args:
        folder: is named by the digest.
        what: whose it is, for the message.

    Raises:
        ArtifactCorruptError: it is missing, no JSON, or lists other files than those the digest was made of.
    """
    try:
        manifest = atomic.read_json(folder / MANIFEST)
    except StoreError:
        manifest = None
    return checked_manifest(manifest, folder.name, what, str(folder))


def checked_manifest(manifest: Any, digest: str, what: str, where: str) -> dict[str, Any]:
    """What was read as a manifest, if it is one for this digest.

    Raises:
        ArtifactCorruptError: it is none, or lists other files than those the digest was made of.
    """
    advice = f"delete {where} and run again"
    try:
        found = atomic.sha256_json(manifest["files"])
        outside = [name for name in manifest["files"] if PurePosixPath(name).is_absolute() or ".." in name.split("/")]
    except (KeyError, TypeError) as error:
        raise ArtifactCorruptError(
            f"expected the manifest of {what} in {where}, got none that is whole; {advice}"
        ) from error
    if found != digest or outside:
        raise ArtifactCorruptError(
            f"expected files that hash to {digest[:12]} in the manifest of {what}, "
            f"got {f'the path {outside[0]}' if outside else found[:12]}; {advice}"
        )
    return dict(manifest)


def sequence_of(manifest: Path) -> int:
    """The place of an artifact among the versions of its asset and product, from 1; 0 where it was made before they were counted."""
    with contextlib.suppress(StoreError, KeyError, TypeError, ValueError):
        return int(atomic.read_json(manifest)["sequence"])
    return 0


def is_whole(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a folder holds these files, byte by byte."""
    return folder.exists() and all(
        (folder / name).is_file() and hash_of(folder / name) == entry["sha256"] for name, entry in files.items()
    )


def pointed_at(pointer: Path) -> str:
    """The digest that a pointer (a memo, latest.json) names; empty where there is none, or none that can be read."""
    with contextlib.suppress(StoreError, KeyError, TypeError):
        return str(atomic.read_json(pointer)["digest"])
    return ""


def point_at(pointer: Path, digest: str) -> None:
    """Makes a pointer name this digest.

    Raises:
        StoreError: the disk refused.
    """
    if pointed_at(pointer) != digest:
        atomic.write_json(pointer, {"digest": digest})


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, computed once a process for as long as the file does not change."""
    stat = path.stat()
    # The time of the content can be set to any value, that of the inode cannot.
    return _hash(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@functools.lru_cache(maxsize=4096)
def _hash(path: Path, inode: int, size: int, content_changed: int, inode_changed: int) -> str:
    del inode, size, content_changed, inode_changed
    return atomic.sha256_file(path)
