"""From finished work to an artifact's folder: its manifest, and its place under its digest."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.storage import atomic
from llmops_assets.storage.manifests import MANIFEST, hash_of, is_whole, sequence_of


@dataclass(frozen=True)
class Job:
    """What is to be built, and where."""

    asset: str
    product: str
    folder: Path
    key: str
    inputs: dict[str, str]

    @property
    def memo(self) -> Path:
        """Names the digest that this work gave."""
        return self.folder / "by_key" / f"{self.key}.json"


def publish(job: Job, work: Path, metadata: dict[str, Any], duration_s: float) -> dict[str, Any]:
    """Puts finished work in its place, whole or not at all, and returns its manifest. The caller holds the store's lock."""
    (work / MANIFEST).unlink(missing_ok=True)
    files = {
        path.relative_to(work).as_posix(): {"sha256": hash_of(path), "size": path.stat().st_size}
        for path in atomic.files_in(work)
    }
    digest = atomic.sha256_json(files)
    manifest = {
        "asset": job.asset,
        "product": job.product,
        "digest": digest,
        "key": job.key,
        "inputs": job.inputs,
        "files": files,
        "metadata": metadata,
        "duration_s": duration_s,
        "sequence": 1 + max(map(sequence_of, job.folder.glob(f"*/{MANIFEST}")), default=0),
    }
    _place(work, job.folder / digest, manifest)
    atomic.sync_folder(job.folder)
    return manifest


def _place(work: Path, final: Path, manifest: dict[str, Any]) -> None:
    if is_whole(final, manifest["files"]):
        # Other work gave the same files: only the record of how they were made is new.
        atomic.write_json(final / MANIFEST, manifest)
        shutil.rmtree(work)
    else:
        atomic.write_json(work / MANIFEST, manifest)
        shutil.rmtree(final, ignore_errors=True)
        work.replace(final)
