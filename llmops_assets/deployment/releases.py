"""What was released, and what was taken back: a version number means one file for ever.

releases.json: {"released": {"1.4.0": {"gguf_sha256": "ab12...", "modelfile_sha256": "cd34...", "at": "2026-11-24T14:00:00+00:00"}},
 "withdrawn": {"1.4.0": "2026-11-24T15:00:00+00:00: answers slowly"}}
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmops_assets.errors import DeploymentError
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class Release:
    """What is to be released: the model's name, a version, and the digests of all that it is made of."""

    model_name: str
    version: str
    gguf_sha256: str
    modelfile_sha256: str

    def tag(self, name: str) -> str:
        """A name on the server: `taskmaster:production`."""
        return f"{self.model_name}:{name}"

    @property
    def made_of(self) -> dict[str, str]:
        """The digests."""
        return {"gguf_sha256": self.gguf_sha256, "modelfile_sha256": self.modelfile_sha256}


@dataclass(frozen=True)
class ReleaseRecord:
    """The record of one model's releases, one small file."""

    path: Path

    def require_free(self, release: Release) -> None:
        """Lets a release through whose version is new, or means the same as before.

        Raises:
            DeploymentError: the version was released as something else, or taken back.
        """
        name, record = release.tag(release.version), self._read()
        withdrawn = record["withdrawn"].get(release.version)
        if withdrawn:
            raise DeploymentError(
                f"{name} was taken back ({withdrawn}); bump product.version, or delete its entry in {self.path}"
            )
        known = record["released"].get(release.version)
        if known and {key: known[key] for key in release.made_of} != release.made_of:
            raise already_released(name, known["gguf_sha256"], release.gguf_sha256)

    def released(self, version: str) -> bool:
        """Whether this version ever served as production."""
        return version in self._read()["released"]

    def in_production(self) -> tuple[str, ...]:
        """The versions that served and were not taken back, the oldest first."""
        record = self._read()
        kept = {
            version: entry["at"] for version, entry in record["released"].items() if version not in record["withdrawn"]
        }
        return tuple(sorted(kept, key=lambda version: str(kept[version])))

    def withdrawn(self, version: str) -> bool:
        """Whether this version was taken back."""
        return version in self._read()["withdrawn"]

    def versions(self) -> frozenset[str]:
        """Every version that ever served or was taken back."""
        record = self._read()
        return frozenset(record["released"]) | frozenset(record["withdrawn"])

    def all_released(self) -> dict[str, str]:
        """Version -> when it first served."""
        return {version: str(entry["at"]) for version, entry in self._read()["released"].items()}

    def all_withdrawn(self) -> dict[str, str]:
        """Version -> when and why it was taken back."""
        return {version: str(why) for version, why in self._read()["withdrawn"].items()}

    def add(self, release: Release) -> None:
        """Records that a release serves; the first record of a version stays."""
        record = self._read()
        record["released"].setdefault(release.version, {**release.made_of, "at": now_text()})
        atomic.write_json(self.path, record)

    def withdraw(self, version: str, reason: str) -> None:
        """Records that a version must not come back on its own."""
        record = self._read()
        record["withdrawn"][version] = f"{now_text()}: {reason}"
        atomic.write_json(self.path, record)

    def _read(self) -> dict[str, dict[str, Any]]:
        empty: dict[str, dict[str, Any]] = {"released": {}, "withdrawn": {}}
        return {**empty, **atomic.read_json(self.path)} if self.path.exists() else empty


def already_released(name: str, before: str, now: str) -> DeploymentError:
    """What is said to a version that would mean two things."""
    what = f"the file {before[:12]}, got {now[:12]}" if before != now else "another Modelfile"
    return DeploymentError(f"{name} was released with {what}; bump product.version in the recipe")


def now_text() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
