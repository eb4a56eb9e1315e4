"""What a training says while it runs: one line every few seconds, and all numbers for the curves afterwards."""

import time
from dataclasses import dataclass, field
from typing import Any

from llmops_assets.console import say

LINE_SECONDS = 5.0


def duration(seconds: float) -> str:
    """`3m05s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


@dataclass
class Progress:
    """Counts tokens and steps of one run of the process; a resumed run measures its own speed."""

    stage: str
    steps: int
    started: float = field(default_factory=time.monotonic)
    done: int = 0
    tokens: int = 0
    paused: float = 0.0
    spoke: float = 0.0

    @property
    def seconds(self) -> float:
        """Time spent in steps."""
        return max(time.monotonic() - self.started - self.paused, 1e-9)

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained a second, measurements in between not counted."""
        return self.tokens / self.seconds

    def step(self, number: int, logs: dict[str, Any]) -> None:
        """Called after each optimizer step."""
        self.done += 1
        self.tokens = int(logs.get("num_tokens", self.tokens))
        now = time.monotonic()
        if now - self.spoke < LINE_SECONDS and number < self.steps:
            return
        self.spoke = now
        left = (self.steps - number) * self.seconds / self.done
        say(
            f"{self.stage} step {number}/{self.steps} loss {logs.get('loss', float('nan')):.4f} "
            f"{self.tokens_per_second:.0f} tokens/s ETA {duration(left)}"
        )
