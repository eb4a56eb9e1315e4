"""From looks to messages: what is new or over is told once, to the log at once and to every channel until it has it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmops_assets.notifying.channels import Channel
from llmops_assets.notifying.ledger import Changes, Ledger, Owed, opened
from llmops_assets.notifying.message import Message
from llmops_assets.notifying.noticing import Look

BUDGET_S = 30.0
"""Dagster ends a tick after 60 s; what is left then is delivered by the next one."""
KEPT = timedelta(days=1)
"""So long a message is tried; after that nobody wants to read it."""
WORDS = {"run_failed": ("failed", "built again"), "gate_failed": ("red", "green again")}


@dataclass(frozen=True)
class Teller:
    """Tells one kind of news.

    Attributes:
        ledger: the file that remembers what was told.
        channels: product -> its channels.
        ui: the address that links begin with.
        say: called with each message and each problem of a channel: the log.
    """

    ledger: Path
    channels: Mapping[str, Sequence[Channel]]
    ui: str
    say: Callable[[str], None]
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def tell(self, looks: Sequence[Look]) -> str:
        """Tells what is new or over since the last time.

        Returns:
            One line: how many messages were told, and what is still owed.

        Raises:
            StoreError: the ledger cannot be read or written; then nothing was sent.
        """
        with opened(self.ledger) as ledger:
            told = [message for look in looks for message in self._messages(ledger, look)]
            for message in told:
                self.say(message.text)
                ledger.owed.append(Owed(message, [channel.name for channel in self.channels[message.product]]))
            # Before anything is sent: who is killed while sending sends once more, never nothing.
            ledger.save()
            self._deliver(ledger)
            waiting = sum(len(owed.channels) for owed in ledger.owed)
        return f"{len(told)} told" + (f", {waiting} deliveries are owed" if waiting else "")

    def _messages(self, ledger: Ledger, look: Look) -> Iterator[Message]:
        at = self.clock().isoformat(timespec="seconds")
        changes = ledger.note(look.product, look.told, at)
        link = f"{self.ui}{look.page}"
        for headline, details in _said(look, changes):
            yield Message(look.event, look.product, look.version, headline, at, details, look.gates, link)

    def _deliver(self, ledger: Ledger) -> None:
        """Tries every channel that is owed something, until each has failed once or the time is up."""
        end, broken = time.monotonic() + BUDGET_S, set()
        for owed in list(ledger.owed):
            for channel in self.channels.get(owed.message.product, ()):
                key = (channel.name, channel.target)
                if channel.name not in owed.channels or key in broken or time.monotonic() > end:
                    continue
                outcome = channel.deliver(owed.message)
                if outcome.problem:
                    broken.add(key)
                    rest = "given up" if outcome.final else "owed"
                    self.say(f"{channel.name} {channel.target}: {outcome.problem} ({outcome.tries} tries); {rest}")
                if not outcome.problem or outcome.final:
                    owed.channels.remove(channel.name)
                    ledger.save()
        ledger.owed = [owed for owed in ledger.owed if self._is_owed(owed)]
        ledger.save()

    def _is_owed(self, owed: Owed) -> bool:
        has = {channel.name for channel in self.channels.get(owed.message.product, ())}
        young = self.clock() - datetime.fromisoformat(owed.message.at) < KEPT
        return young and bool(has & set(owed.channels))


def _said(look: Look, changes: Changes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Headline and details of what changed."""
    details = tuple(look.told[name] for name in changes.new)
    if look.event == "version_released":
        # What was released before anybody listened is no news.
        if changes.new and not changes.first:
            yield "; ".join(changes.new), details
        return
    bad, good = WORDS[look.event]
    if changes.new:
        yield f"{bad}: {', '.join(changes.new)}", details
    if changes.gone:
        yield (
            f"{good}: {', '.join(changes.gone)}",
            tuple(f"{name}: {bad} since {at}" for name, at in changes.gone.items()),
        )
