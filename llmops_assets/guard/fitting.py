"""Fits the guard's classifier to its rows: all layers but the word embeddings, epoch by epoch, with a checkpoint after each.

Cost on 2 quiet cores: 7 ms a row of 22 tokens and epoch.
"""

import contextlib
import math
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from llmops_assets.guard import encoder
from llmops_assets.guard.disguises import disguised
from llmops_assets.recipes.guard import GuardConfig
from llmops_assets.shards import cut, shard_count, summed, trained
from llmops_assets.storage import atomic, checkpoints

BUCKET = 8
LINE_SECONDS = 10.0
CODE_VERSION = "2"
"""Of what an epoch does: a checkpoint of another version is another training."""
TENSORS, NUMBERS = "state.safetensors", "state.json"


@dataclass(frozen=True)
class Example:
    """A conversation's user turns in one text, whether it is harmful, and whether it is a job for another tool.

    Attributes:
        off_topic: None where nobody said: the row teaches harm only.
    """

    text: str
    harmful: bool
    off_topic: bool | None = None


Shown = tuple[int, Example]
"""A row with its place among all rows."""


@dataclass
class State:
    """All that the next epoch hangs on.

    Attributes:
        last: each row's loss when it was last shown.
        losses: the mean loss of each epoch that is over.
    """

    weights: list[Any]
    optimizer: Any
    rng: random.Random
    last: list[float]
    losses: list[float] = field(default_factory=list)

    def save(self, folder: Path, mark: str) -> None:
        """A whole checkpoint of this epoch; older ones go."""
        import torch
        from safetensors.torch import save_file

        older, checkpoint = list(folder.glob("checkpoint-*")), folder / f"checkpoint-{len(self.losses)}"
        checkpoint.mkdir()
        moments = self.optimizer.state_dict()["state"]
        tensors = {f"{place}.{name}": value for place, known in moments.items() for name, value in known.items()}
        tensors |= {f"{place}.weight": weight.detach() for place, weight in enumerate(self.weights)}
        save_file({**tensors, "last": torch.tensor(self.last, dtype=torch.float64)}, checkpoint / TENSORS)
        atomic.write_json(checkpoint / NUMBERS, {"losses": self.losses, "rng": self.rng.getstate()})
        checkpoints.seal(checkpoint, mark)
        for one in older:
            shutil.rmtree(one)

    def load(self, checkpoint: Path) -> None:
        """Goes back to where a checkpoint was made."""
        import torch
        from safetensors.torch import load_file

        tensors, numbers = load_file(checkpoint / TENSORS), atomic.read_json(checkpoint / NUMBERS)
        self.last = tensors.pop("last").tolist()
        moments: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            number, kind = name.split(".")
            moments.setdefault(int(number), {})[kind] = value
        with torch.no_grad():
            for place, weight in enumerate(self.weights):
                weight.copy_(moments[place].pop("weight"))
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        version, words, gauss = numbers["rng"]
        self.rng.setstate((version, tuple(words), gauss))
        self.losses = numbers["losses"]


def fit(
    model: Any,
    tokenize: encoder.Tokenizer,
    rows: list[Example],
    config: GuardConfig,
    *,
    report: Callable[[str], None],
    cache: Path | None = None,
) -> list[float]:
    """Trains in place; the mean loss of each epoch.

    Same rows and config give the same weights to the bit on the same machine, also where a killed training went on.

    Args:
        model: of `encoder.build`.
        tokenize: of `encoder.tokenizer`.
        rows: what to learn.
        config: the recipe's `guard` section.
        report: called with a line every ten seconds and one an epoch.
        cache: where checkpoints lie while the training goes on; None: there are none.

    Raises:
        TrainingError: another process trains on the same rows with the same config right now.
    """
    import torch

    weights = trained(model)
    optimizer = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=0.01, fused=True)
    state = State(weights, optimizer, random.Random(config.seed), [math.inf] * len(rows))
    mark = atomic.sha256_json([CODE_VERSION, [asdict(row) for row in rows], config.model_dump(mode="json")])
    with _folder(cache, mark) as folder:
        whole = checkpoints.newest_whole(folder, mark) if folder else None
        if whole is not None:
            state.load(whole)
            report(f"guard: goes on after epoch {len(state.losses)}/{config.epochs}")
        clock = _Clock(report, len(state.losses), config.epochs)
        for epoch in range(len(state.losses), config.epochs):
            _one_epoch(model, tokenize, rows, config, state, clock)
            shown = sum(math.isfinite(loss) for loss in state.last)
            report(
                f"guard: epoch {epoch + 1}/{config.epochs} done, {shown} of {len(rows)} rows, loss {state.losses[-1]}"
            )
            if folder:
                state.save(folder, mark)
    if folder:
        shutil.rmtree(folder)
    return state.losses


@contextlib.contextmanager
def _folder(cache: Path | None, mark: str) -> Iterator[Path | None]:
    """The folder of this training's checkpoints, held for this process."""
    if cache is None:
        yield None
        return
    folder = cache / "checkpoints" / f"guard-{mark[:16]}"
    with checkpoints.only_one(folder):
        yield folder


@dataclass
class _Clock:
    """Says every few seconds how far the training is."""

    report: Callable[[str], None]
    first: int
    epochs: int
    started: float = field(default_factory=time.monotonic)
    spoke: float = field(default_factory=time.monotonic)

    def batch_is_over(self, epoch: int, number: int, count: int) -> None:
        now = time.monotonic()
        if now - self.spoke > LINE_SECONDS:
            self.spoke, done = now, epoch + number / count
            left = (now - self.started) / (done - self.first) * (self.epochs - done)
            self.report(f"guard: epoch {epoch + 1}/{self.epochs}, batch {number}/{count}, ETA at most {left:.0f} s")


def _one_epoch(
    model: Any, tokenize: encoder.Tokenizer, rows: list[Example], config: GuardConfig, state: State, clock: _Clock
) -> None:
    import torch

    epoch = len(state.losses)
    shown = [(place, rows[place]) for place in awake(state.last, config.easy_loss)]
    batches = grouped_batches(respelled(shown, config.disguised_share, state.rng), config.batch_size, state.rng)
    for number, batch in enumerate(batches):
        for group in state.optimizer.param_groups:
            group["lr"] = config.learning_rate * warmth((epoch + number / len(batches)) / config.epochs)
        loss_of = partial(_loss, model, tokenize, state.last)
        loss = summed(loss_of, cut(batch, shard_count(len(batch), "cpu")), state.weights) / len(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.weights, 1.0)
        state.optimizer.step()
        state.optimizer.zero_grad()
        clock.batch_is_over(epoch, number + 1, len(batches))
    state.losses.append(round(sum(state.last[place] for place, _ in shown) / len(shown), 4))


def warmth(done: float) -> float:
    """The share of the learning rate after this share of the training: up in the first tenth, then down to a fiftieth."""
    return min(done / 0.1, max(0.02, 1 - done)) if done > 0 else 0.01


def awake(last: list[float], easy_loss: float) -> list[int]:
    """The rows to show: all but those whose loss was small when last shown. These rest for one epoch, which is noted."""
    places = []
    for place, loss in enumerate(last):
        if loss < easy_loss:
            last[place] = math.inf
        else:
            places.append(place)
    return places or list(range(len(last)))


def _loss(model: Any, tokenize: encoder.Tokenizer, last: list[float], shown: Sequence[Shown]) -> Any:
    """The loss of these rows, summed; each row's own is noted in `last`."""
    import torch

    rows = [example for _, example in shown]
    wanted = torch.tensor([[float(example.harmful), float(bool(example.off_topic))] for example in rows])
    known = torch.tensor([[1.0, float(example.off_topic is not None)] for example in rows])
    logits = model(**tokenize([example.text for example in rows]))
    found = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, known, reduction="none").sum(1)
    for (place, _), value in zip(shown, found.tolist(), strict=True):
        last[place] = value
    return found.sum()


def respelled(shown: Sequence[Shown], share: float, rng: random.Random) -> list[Shown]:
    """The rows, this share of them in odd spelling: other ones each epoch."""
    return [
        (place, replace(row, text=disguised(row.text, rng)) if rng.random() < share else row) for place, row in shown
    ]


def grouped_batches(shown: Sequence[Shown], size: int, rng: random.Random) -> list[list[Shown]]:
    """Shuffled batches of texts of like length: padding is most of the cost of short texts."""
    order = rng.sample(shown, len(shown))
    batches: list[list[Shown]] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = sorted(order[start : start + size * BUCKET], key=lambda row: len(row[1].text))
        batches.extend(bucket[at : at + size] for at in range(0, len(bucket), size))
    return rng.sample(batches, len(batches))
