"""The order of the rows: alike lengths share a batch, batches are shuffled, and the same seed gives the same order."""

import random
from collections.abc import Iterator, Sequence

CHUNK_BATCHES = 16


class LengthGrouped:
    """Row numbers of one epoch after the other.

    The order depends on the rows of an optimizer step, not on how many of them fit into memory at once: a run that
    had to halve its batch goes on where it was.
    """

    def __init__(self, lengths: Sequence[int], step_rows: int, seed: int) -> None:
        """Takes the lengths of all rows and the number of rows of an optimizer step."""
        self.lengths = lengths
        self.step_rows = step_rows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader; each epoch has its own order."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Rows of an epoch."""
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """The rows in order; a step that is not full comes last, so that all others are."""
        dice = random.Random(self.seed * 1_000_003 + self.epoch)
        rows = list(range(len(self.lengths)))
        dice.shuffle(rows)
        steps: list[list[int]] = []
        chunk = self.step_rows * CHUNK_BATCHES
        for start in range(0, len(rows), chunk):
            alike = sorted(rows[start : start + chunk], key=lambda row: self.lengths[row])
            steps += [alike[place : place + self.step_rows] for place in range(0, len(alike), self.step_rows)]
        short = [step for step in steps if len(step) < self.step_rows]
        full = [step for step in steps if len(step) == self.step_rows]
        dice.shuffle(full)
        return (row for step in full + short for row in step)
