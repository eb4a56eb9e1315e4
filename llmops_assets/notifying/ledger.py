"""What was told, so that it is told once; and what is still owed to a channel that did not answer.

{"told": {"TaskMaster": {"accuracy of eval_report": "2026-11-29T03:10:00+00:00"}},
 "owed": [{"message": {...}, "channels": ["slack"]}]}
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmops_assets.notifying.message import Message
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import locked


@dataclass
class Owed:
    """A message, and the channels that have not got it."""

    message: Message
    channels: list[str]


@dataclass(frozen=True)
class Changes:
    """What a look brought: names that are new, and names that are no more with the time since which they were told."""

    new: tuple[str, ...]
    gone: Mapping[str, str]
    first: bool


@dataclass
class Ledger:
    """The state of one kind of notification."""

    path: Path
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)

    def note(self, product: str, now: Mapping[str, str], at: str) -> Changes:
        """Notes what there is to tell of a product now.

        Args:
            product: whose.
            now: what there is, by names that stay the same.
            at: the time.
        """
        before = self.told.get(product)
        known = before or {}
        self.told[product] = {name: known.get(name, at) for name in now}
        gone = {name: since for name, since in known.items() if name not in now}
        return Changes(tuple(name for name in now if name not in known), gone, first=before is None)

    def save(self) -> None:
        """Writes it, whole or not at all."""
        owed = [{"message": one.message.to_json(), "channels": one.channels} for one in self.owed]
        atomic.write_json(self.path, {"told": self.told, "owed": owed})


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """The ledger of a file, for one process at a time.

    Raises:
        StoreError: the file is there and cannot be read; nothing is told twice because of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        stored: dict[str, Any] = atomic.read_json(path) if path.exists() else {"told": {}, "owed": []}
        owed = [Owed(Message.of(one["message"]), list(one["channels"])) for one in stored["owed"]]
        yield Ledger(path, stored["told"], owed)
