"""Who reads an artifact holds a lease on it; who deletes needs it to itself. The kernel ends a lease with its process, however that ends.

A lease is an advisory lock on the artifact's folder: nothing is written, so a reader that was killed leaves nothing behind.
"""

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

from llmops_assets.storage.artifact_store import Artifact, ArtifactStore


def leased(artifact: Artifact) -> Artifact:
    """The artifact, leased for as long as anybody holds the object: nothing deletes its files meanwhile."""
    handle = os.open(artifact.folder, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(handle, fcntl.LOCK_SH)
    weakref.finalize(artifact, os.close, handle)
    return artifact


def latest_leased(store: ArtifactStore, asset: str, product: str) -> Artifact:
    """The newest artifact, leased.

    Raises:
        StoreError: there is none yet.
        ArtifactCorruptError: a file is missing or cut.
    """
    while True:
        first = leased(store.latest(asset, product))
        # Before the lock another could become the newest, and this one be deleted.
        now = store.latest(asset, product)
        if now.digest == first.digest:
            return leased(now)


@contextlib.contextmanager
def alone_with(path: Path) -> Iterator[bool]:
    """Takes a folder or a lock file for the block, if nobody has it; says whether it has it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
