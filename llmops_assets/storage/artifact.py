"""One finished artifact of the store, as whoever consumes it sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class Artifact:
    """One finished artifact: an immutable folder whose files hash to `digest`."""

    asset: str
    product: str
    digest: str
    key: str
    metadata: dict[str, Any]
    duration_s: float
    size: int
    folder: Path
    cached: bool = False
    dropped: bool = False

    @property
    def path(self) -> Path:
        """The folder with all its files."""
        return self.folder

    @property
    def location(self) -> str:
        """Where it lies, for people."""
        return str(self.folder)

    def file(self, name: str) -> Path:
        """The path of one of its files or folders; nothing is there where it has none of that name.

        Raises:
            StoreError: the files were dropped to save disk.
        """
        if self.dropped:
            raise StoreError(
                f"expected the files of {self.asset} of {self.product}, they were dropped (save_intermediate: false, or `llmops gc`); "
                f"delete {self.location} and run again with save_intermediate: true"
            )
        return self.folder / name

    @property
    def verdict_path(self) -> Path:
        """Where the verdict on this artifact lies: beside it, because the artifact itself never changes."""
        return self.beside("gate")

    def beside(self, kind: str) -> Path:
        """The path of what is said about it by others: `gate`, `gate.override`."""
        return self.folder.parent / f"{self.digest}.{kind}.json"

    def read_beside(self, kind: str) -> dict[str, Any] | None:
        """What was said about it; None where nothing was.

        Raises:
            StoreError: it is no JSON.
        """
        found: dict[str, Any] | None = atomic.read_json(self.beside(kind)) if self.beside(kind).exists() else None
        return found

    def write_beside(self, kind: str, value: dict[str, Any]) -> None:
        """Says something about it, in the place of what was said before."""
        atomic.write_json(self.beside(kind), value)


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of its artifact, as the fields of `Artifact`."""
    dropped = bool(manifest.get("dropped", False))
    size = 0 if dropped else sum(entry["size"] for entry in manifest["files"].values())
    same = {name: manifest[name] for name in ("asset", "product", "digest", "key", "metadata", "duration_s")}
    return {**same, "dropped": dropped, "size": size}
