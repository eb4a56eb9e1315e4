"""The artifact store on S3, for several machines: the same layout, the root folder being this machine's copy of what it used.

An artifact is there once its manifest is, which is written last. Files are fetched when somebody asks for them and compared
with the manifest then. Of two machines that do the same work the first memo counts: both go on with its artifact.
"""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from llmops_assets.errors import ArtifactCorruptError, StoreError
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact import Artifact, facts_of
from llmops_assets.storage.artifact_store import ArtifactStore
from llmops_assets.storage.manifests import MANIFEST, checked_manifest, hash_of
from llmops_assets.storage.object_store import ObjectStore, Read
from llmops_assets.storage.publishing import Job


def open_store(place: str, copies: Path) -> ArtifactStore:
    """The store at a place.

    Args:
        place: a folder, or `s3://bucket/prefix`.
        copies: where a store on S3 works, and keeps what this machine used of it.

    Raises:
        StoreError: it is a URL of another kind.
    """
    if "://" not in place:
        return ArtifactStore(Path(place))
    return RemoteStore(copies, ObjectStore.of(place))


@dataclass(frozen=True)
class RemoteArtifact(Artifact):
    """An artifact whose files lie on S3 until somebody asks for them."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: ObjectStore = field(default_factory=lambda: ObjectStore(""))

    @property
    def path(self) -> Path:
        """The folder with all its files, fetched and compared.

        Raises:
            ArtifactCorruptError: what lies on S3 is not what was written.
        """
        if not self.dropped:
            self._bring("")
        return self.folder

    @property
    def location(self) -> str:
        """Where it lies, for people."""
        return self.objects.url(self._name)

    def file(self, name: str) -> Path:
        """The path of one of its files or folders, fetched and compared; nothing is there where it has none of that name.

        Raises:
            StoreError: the files were dropped to save disk.
            ArtifactCorruptError: what lies on S3 is not what was written.
        """
        path = super().file(name)
        self._bring(name)
        return path

    def read_beside(self, kind: str) -> dict[str, Any] | None:
        """What was said about it on any machine; None where nothing was."""
        found = self.objects.read(f"{self._name}.{kind}.json")
        return None if found is None else _json(found, self.objects.url(f"{self._name}.{kind}.json"))

    def write_beside(self, kind: str, value: dict[str, Any]) -> None:
        """Says something about it, to all machines."""
        self.objects.write(f"{self._name}.{kind}.json", atomic.to_json(value).encode())

    @property
    def _name(self) -> str:
        return f"{self.asset}/{self.product}/{self.digest}"

    def _bring(self, wanted: str) -> None:
        for name, entry in self.files.items():
            if not wanted or name == wanted or name.startswith(f"{wanted}/"):
                self._bring_one(name, entry["sha256"])

    def _bring_one(self, name: str, sha256: str) -> None:
        path = self.folder / name
        if path.is_file() and hash_of(path) == sha256:
            return
        self.objects.download(f"{self._name}/{name}", path)
        found = hash_of(path)
        if found != sha256:
            path.unlink()
            raise ArtifactCorruptError(
                f"expected sha256 {sha256[:12]} of {self.location}/{name}, got {found[:12]}; "
                f"delete {self.location}/{MANIFEST} and run again"
            )


@dataclass(frozen=True)
class RemoteStore(ArtifactStore):
    """Artifacts below one prefix of a bucket, with a folder for work and copies."""

    objects: ObjectStore
    shared: ClassVar[bool] = True

    def find(self, asset: str, product: str) -> Artifact | None:
        """The newest artifact of any machine; None where there is none yet, or somebody deleted it."""
        digest = self.newest(asset, product)
        return self._load(asset, product, digest) if digest else None

    def newest(self, asset: str, product: str) -> str:
        """The digest of the newest artifact of any machine; empty where there is none."""
        return _digest(self.objects.read(f"{asset}/{product}/latest.json"))

    def made_by(self, asset: str, product: str, key: str) -> str:
        """The digest that the work of this key gave on any machine; empty where it was never done."""
        return _digest(self.objects.read(_memo(asset, product, key)))

    def said_of(self, asset: str, product: str, digest: str, kind: str) -> Any:
        """What was said about a version on any machine; None where nothing was."""
        name = f"{asset}/{product}/{digest}.{kind}.json"
        found = self.objects.read(name)
        return None if found is None else _json(found, self.objects.url(name))

    def load(self, asset: str, product: str, digest: str) -> Artifact:
        """One artifact by its digest, sizes on S3 checked; its bytes are compared when they are fetched.

        Raises:
            ArtifactCorruptError: an object is missing or cut, or the manifest is missing, changed or another's.
        """
        found = self._load(asset, product, digest)
        if found is None:
            url = self.objects.url(f"{asset}/{product}/{digest}")
            raise ArtifactCorruptError(f"expected the manifest of {asset} of {product} in {url}, got none; run again")
        return found

    def versions(self, asset: str, product: str) -> list[str]:
        """The digests of all finished versions, the one that came last first, by the server's clock."""
        listed = self.objects.list(f"{asset}/{product}")
        made = [(entry.modified, name.split("/")[0]) for name, entry in listed.items() if _is_manifest(name)]
        return [digest for _, digest in sorted(made, reverse=True)]

    def verify(self, artifact: Artifact) -> Artifact:
        """Nothing to do: whatever is asked of a file of it, its bytes are compared first."""
        return artifact

    def drop_files(self, artifact: Artifact) -> None:
        """Frees the space of an artifact that nobody needs any more; its manifest and verdict stay, so it counts as made."""
        name = f"{artifact.asset}/{artifact.product}/{artifact.digest}"
        found = self.objects.read(f"{name}/{MANIFEST}")
        if found is None:
            return
        manifest = _json(found, artifact.location)
        self.objects.write(f"{name}/{MANIFEST}", atomic.to_json({**manifest, "dropped": True}).encode())
        for file in manifest["files"]:
            self.objects.delete(f"{name}/{file}")
            (artifact.folder / file).unlink(missing_ok=True)

    def forget(self, artifact: Artifact) -> None:
        """Keeps the artifact, and lets the next build of the same work make it anew, on whichever machine."""
        self.objects.delete(_memo(artifact.asset, artifact.product, artifact.key))

    def keep(self, folder: Path) -> None:
        """Sends a folder below the root that is no artifact, such as the catalogue."""
        for path in atomic.files_in(folder):
            self.objects.upload(path, path.relative_to(self.root).as_posix())

    def _made(self, job: Job) -> Artifact | None:
        digest = _digest(self.objects.read(_memo(job.asset, job.product, job.key)))
        return self._load(job.asset, job.product, digest) if digest else None

    def _record(self, job: Job, manifest: dict[str, Any]) -> Artifact:
        """Sends the files, then the manifest, then the memo; the artifact of whoever was first with this work."""
        name = f"{job.asset}/{job.product}/{manifest['digest']}"
        for file in manifest["files"]:
            self.objects.upload(job.folder / manifest["digest"] / file, f"{name}/{file}")
        self.objects.write(f"{name}/{MANIFEST}", atomic.to_json(manifest).encode())
        first = self._claim(job, manifest["digest"])
        return self._artifact(manifest, cached=False) if first is None else replace(first, cached=False)

    def _claim(self, job: Job, digest: str) -> Artifact | None:
        """Makes the memo name this digest; the artifact that it names already, where another machine was faster."""
        memo = _memo(job.asset, job.product, job.key)
        seen = self.objects.read(memo)
        first = self._load(job.asset, job.product, _digest(seen)) if _digest(seen) not in ("", digest) else None
        if first is not None or self.objects.write_if_unchanged(memo, _pointer(digest), seen):
            return first
        return self._made(job)

    def _point_latest(self, artifact: Artifact) -> None:
        name = f"{artifact.asset}/{artifact.product}/latest.json"
        if _digest(self.objects.read(name)) != artifact.digest:
            self.objects.write(name, _pointer(artifact.digest))

    def _load(self, asset: str, product: str, digest: str) -> Artifact | None:
        name, what = f"{asset}/{product}/{digest}", f"{asset} of {product}"
        found = self.objects.read(f"{name}/{MANIFEST}")
        if found is None:
            return None
        manifest = checked_manifest(_json(found, self.objects.url(name)), digest, what, self.objects.url(name))
        listed = self.objects.list(name)
        for file, entry in ({} if manifest.get("dropped") else manifest["files"]).items():
            if file not in listed or listed[file].size != entry["size"]:
                got = f"{listed[file].size} bytes" if file in listed else "no object"
                raise ArtifactCorruptError(
                    f"expected {entry['size']} bytes in {self.objects.url(name)}/{file} ({what}), got {got}; "
                    f"delete {self.objects.url(name)}/{MANIFEST} and run again"
                )
        copy = atomic.write_bytes(self.folder(asset, product) / digest / MANIFEST, found.data)
        written = listed[MANIFEST].modified.timestamp()
        os.utime(copy, (written, written))
        return self._artifact(manifest, cached=True)

    def _artifact(self, manifest: dict[str, Any], *, cached: bool) -> Artifact:
        facts = facts_of(manifest)
        folder = self.folder(facts["asset"], facts["product"]) / facts["digest"]
        return RemoteArtifact(**facts, folder=folder, cached=cached, files=manifest["files"], objects=self.objects)


def _memo(asset: str, product: str, key: str) -> str:
    return f"{asset}/{product}/by_key/{key}.json"


def _pointer(digest: str) -> bytes:
    return atomic.to_json({"digest": digest}).encode()


def _digest(pointer: Read | None) -> str:
    """The digest that a pointer names; empty where there is none, or none that can be read."""
    try:
        return str(json.loads(pointer.data)["digest"]) if pointer else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _is_manifest(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(f"/{MANIFEST}")


def _json(found: Read, where: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(found.data)
    except ValueError as error:
        raise StoreError(f"expected JSON in {where}, got: {error}; delete it and run the stage again") from error
    return value
