"""The journal of one rollout: written before each step, deleted at its end, so that one that was killed can be told and mended.

{"model": "taskmaster", "version": "1.4.0", "step": "promote", "production": "ab12...", "previous": "cd34...", "candidate": "ef56..."}
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from llmops_assets.storage import atomic


@dataclass(frozen=True)
class Entry:
    """Where a rollout stood; the digests are of manifests, those of production and previous as they were before it."""

    model: str
    version: str
    step: str
    production: str
    previous: str
    candidate: str = ""


@dataclass(frozen=True)
class Journal:
    """One file."""

    path: Path

    def read(self) -> Entry | None:
        """Where an unfinished rollout stood; None where the last one ended."""
        return Entry(**atomic.read_json(self.path)) if self.path.exists() else None

    def write(self, entry: Entry) -> None:
        """Keeps where this rollout stands."""
        atomic.write_json(self.path, asdict(entry))

    def end(self) -> None:
        """Closes the book."""
        self.path.unlink(missing_ok=True)
