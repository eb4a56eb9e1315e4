"""The content-addressed artifact store: asset, product, digest.

    <root>/<asset>/<product>/<digest>/            the files, and manifest.json beside them
    <root>/<asset>/<product>/by_key/<key>.json    which digest this work gave (the memo)
    <root>/<asset>/<product>/latest.json          the newest one
    <root>/<asset>/<product>/<digest>.gate.json   the verdict on it (see verdicts)
    <root>/<asset>/<product>/.work-<key>/         unfinished work; begun again it starts empty

The key is the hash of all that decides the work: inputs, settings, code version. The digest is the hash of what came out.
"""

import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from llmops_assets.errors import ArtifactCorruptError, StoreError
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact import Artifact as Artifact
from llmops_assets.storage.artifact import facts_of
from llmops_assets.storage.manifests import MANIFEST, hash_of, point_at, pointed_at, read_manifest, sequence_of
from llmops_assets.storage.publishing import Job, publish

SCRATCH = "scratch"


@dataclass(frozen=True)
class ArtifactStore:
    """Artifacts below one root folder."""

    root: Path
    shared: ClassVar[bool] = False
    """Whether other machines read and write it too."""

    def folder(self, asset: str, product: str) -> Path:
        """The folder of all versions of one asset of one product."""
        return self.root / asset / product

    def latest(self, asset: str, product: str) -> Artifact:
        """The newest artifact, checked against its manifest's file sizes.

        Raises:
            StoreError: there is none yet.
            ArtifactCorruptError: a file is missing or cut.
        """
        found = self.find(asset, product)
        if found is None:
            raise StoreError(
                f"expected a finished {asset} of {product}, found none; run `llmops run {product}` or the stage that makes it"
            )
        return found

    def find(self, asset: str, product: str) -> Artifact | None:
        """The newest artifact; None where there is none yet, or somebody deleted its folder.

        Raises:
            ArtifactCorruptError: see `load`.
        """
        digest = self.newest(asset, product)
        return self.load(asset, product, digest) if digest else None

    def newest(self, asset: str, product: str) -> str:
        """The digest of the newest artifact, whatever state it is in; empty where there is none."""
        folder = self.folder(asset, product)
        digest = pointed_at(folder / "latest.json")
        return digest if digest and (folder / digest).exists() else ""

    def load(self, asset: str, product: str, digest: str) -> Artifact:
        """One artifact by its digest, sizes checked; `verify` checks the bytes.

        Raises:
            ArtifactCorruptError: a file is missing or cut, or the manifest is missing, changed or another's.
        """
        path = self.folder(asset, product) / digest
        manifest = read_manifest(path, f"{asset} of {product}")
        dropped = manifest.get("dropped", False)
        for name, entry in ({} if dropped else manifest["files"]).items():
            file = path / name
            if not file.is_file() or file.stat().st_size != entry["size"]:
                raise ArtifactCorruptError(
                    f"expected {entry['size']} bytes in {file} ({asset} of {product}), "
                    f"got {file.stat().st_size if file.is_file() else 'no file'}; delete {path} and run again"
                )
        return Artifact(**facts_of(manifest), folder=path, cached=True)

    def versions(self, asset: str, product: str) -> list[str]:
        """The digests of all finished versions, the one made last first, whatever the clock said when they were made."""
        found = self.folder(asset, product).glob(f"*/{MANIFEST}")
        made = [
            (sequence_of(path), path.stat().st_mtime_ns, path.parent.name)
            for path in found
            if not path.parent.name.startswith(".")
        ]
        return [digest for *_, digest in sorted(made, reverse=True)]

    def named(self, asset: str, product: str, name: str) -> Artifact:
        """The version whose digest begins with `name`.

        Raises:
            StoreError: none does, or more than one.
            ArtifactCorruptError: see `load`.
        """
        known = self.versions(asset, product)
        hits = [digest for digest in known if digest.startswith(name)]
        if len(hits) != 1:
            raise StoreError(
                f"expected {name!r} to begin one version of {asset} of {product}, it begins {len(hits)}; "
                f"there are: {', '.join(digest[:12] for digest in known) or 'none'}"
            )
        return self.load(asset, product, hits[0])

    def verify(self, artifact: Artifact) -> Artifact:
        """Hashes every file and compares with the manifest.

        Raises:
            ArtifactCorruptError: with the name of the first file that differs.
        """
        files = {} if artifact.dropped else read_manifest(artifact.path, artifact.asset)["files"]
        for name, entry in files.items():
            found = hash_of(artifact.path / name)
            if found != entry["sha256"]:
                raise ArtifactCorruptError(
                    f"expected sha256 {entry['sha256'][:12]} of {artifact.path / name}, got {found[:12]}; "
                    f"delete {artifact.path} and run again"
                )
        return artifact

    def drop_files(self, artifact: Artifact) -> None:
        """Frees the disk of an artifact that nobody needs any more; its manifest and verdict stay, so it counts as made."""
        manifest = atomic.read_json(artifact.path / MANIFEST)
        atomic.write_json(artifact.path / MANIFEST, {**manifest, "dropped": True})
        for name in manifest["files"]:
            (artifact.path / name).unlink(missing_ok=True)

    def build(
        self,
        asset: str,
        product: str,
        *,
        inputs: Mapping[str, str],
        settings: Any,
        code_version: str,
        make: Callable[[Path], dict[str, Any]],
    ) -> Artifact:
        """Makes an artifact, or finds it made.

        Args:
            asset: the asset's name.
            product: the partition.
            inputs: digests of all that is read, by name.
            settings: the recipe's part that matters (JSON-able).
            code_version: raised when the code gives another result.
            make: fills the empty folder it gets and returns JSON-able metadata; what it leaves below `scratch/` is
                dropped at the end. What is to outlive a kill, such as a checkpoint, belongs elsewhere.

        Raises:
            ArtifactCorruptError: it was made before, and is not what was written.
            StoreError: the disk took no more.
        """
        folder = self.folder(asset, product)
        key = key_of(asset, product, inputs=inputs, settings=settings, code_version=code_version)
        job = Job(asset, product, folder, key, dict(inputs))
        with atomic.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / ".lock"):
                artifact = self._made(job) or self._make(job, make)
                self._point_latest(artifact)
        return artifact

    def made_by(self, asset: str, product: str, key: str) -> str:
        """The digest that the work of this key gave; empty where it was never done."""
        return pointed_at(Job(asset, product, self.folder(asset, product), key, {}).memo)

    def forget(self, artifact: Artifact) -> None:
        """Keeps the artifact, and lets the next build of the same work make it anew: something outside was missing."""
        (self.folder(artifact.asset, artifact.product) / "by_key" / f"{artifact.key}.json").unlink(missing_ok=True)

    def keep(self, folder: Path) -> None:
        """Makes a folder below the root, which is no artifact, last as long as the store; here it does already."""

    def said_of(self, asset: str, product: str, digest: str, kind: str) -> Any:
        """What was said about a version by others, whatever state it is in; None where nothing was.

        Raises:
            StoreError: it is no JSON.
        """
        path = self.folder(asset, product) / f"{digest}.{kind}.json"
        return atomic.read_json(path) if path.exists() else None

    def _made(self, job: Job) -> Artifact | None:
        digest = pointed_at(job.memo)
        if not digest or not (job.folder / digest).exists():
            return None
        return self.verify(self.load(job.asset, job.product, digest))

    def _make(self, job: Job, make: Callable[[Path], dict[str, Any]]) -> Artifact:
        work = job.folder / f".work-{job.key[:16]}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        started = time.monotonic()
        metadata = make(work)
        duration_s = round(time.monotonic() - started, 3)
        shutil.rmtree(work / SCRATCH, ignore_errors=True)
        return self._record(job, publish(job, work, metadata, duration_s))

    def _record(self, job: Job, manifest: dict[str, Any]) -> Artifact:
        """Makes a folder that is whole an artifact: the memo says that this work gave it."""
        point_at(job.memo, manifest["digest"])
        return Artifact(**facts_of(manifest), folder=job.folder / manifest["digest"])

    def _point_latest(self, artifact: Artifact) -> None:
        point_at(self.folder(artifact.asset, artifact.product) / "latest.json", artifact.digest)


def key_of(asset: str, product: str, *, inputs: Mapping[str, str], settings: Any, code_version: str) -> str:
    """What decides some work, as one hash; see `ArtifactStore.build`."""
    return atomic.sha256_json(
        {"asset": asset, "product": product, "inputs": dict(inputs), "settings": settings, "code": code_version}
    )


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock for as long as the block runs; the kernel drops it when the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
