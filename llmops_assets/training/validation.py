"""Validation loss while training: of the base, on the way and at the end; the best adapter is kept."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from llmops_assets.errors import StoreError
from llmops_assets.shards import at_once
from llmops_assets.storage.atomic import read_json, write_json
from llmops_assets.training.rows import TrainingRow
from llmops_assets.training.trainers import pad_rows, summed_loss

BATCH = 16
Row = TypeVar("Row")


def evenly(rows: Sequence[Row], count: int) -> tuple[Row, ...]:
    """`count` rows spread over all of them: the same ones every time."""
    count = min(count, len(rows))
    return tuple(rows[place * len(rows) // count] for place in range(count))


def measuring_steps(steps: int, points: int) -> frozenset[int]:
    """After which steps to measure; the last one always."""
    return frozenset(max(1, round(steps * place / points)) for place in range(1, points + 1))


def validation_loss(model: Any, rows: Sequence[TrainingRow], pad_id: int) -> float:
    """Mean cross entropy over the labelled tokens, in nats."""
    import torch

    device = next(model.parameters()).device
    alike = sorted(rows, key=lambda row: len(row.input_ids))

    def measure(start: int) -> tuple[float, int]:
        batch = pad_rows(alike[start : start + BATCH], pad_id)
        precision = torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
        loss, count = summed_loss(model, {key: value.to(device) for key, value in batch.items()}, precision)
        return float(loss), count

    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = at_once(measure, range(0, len(alike), BATCH), device.type)
    model.train(was_training)
    return sum(loss for loss, _ in found) / sum(count for _, count in found)


@dataclass
class Validation:
    """What was measured after which step. Lies beside the checkpoints, so that a resumed run knows it."""

    folder: Path
    history: list[dict[str, float]]

    @classmethod
    def load(cls, folder: Path, resumed: Path | None) -> "Validation":
        """The measurements up to the checkpoint that training resumes from; none for a fresh start."""
        step = int(resumed.name.rpartition("-")[2]) if resumed else -1
        try:
            known = read_json(folder / "validation.json")
        except StoreError:
            known = []
        return cls(folder, [point for point in known if point["step"] <= step])

    def record(self, step: int, loss: float) -> bool:
        """Notes a measurement; True where it is the best of a trained model so far."""
        best = self.best
        self.history.append({"step": step, "loss": loss})
        write_json(self.folder / "validation.json", self.history)
        return step > 0 and (best is None or loss < best["loss"])

    @property
    def best(self) -> dict[str, float] | None:
        """The best measurement after the first step."""
        trained = [point for point in self.history if point["step"] > 0]
        return min(trained, key=lambda point: point["loss"]) if trained else None

    def stalled(self, patience: int, delta: float) -> bool:
        """Whether the last `patience` measurements gained less than `delta` on the best one before them."""
        if patience == 0 or len(self.history) <= patience:
            return False
        before = min(point["loss"] for point in self.history[:-patience])
        return min(point["loss"] for point in self.history[-patience:]) > before - delta

    def keep(self, model: Any, step: int) -> None:
        """Saves the adapter of the best measurement."""
        aside = self.folder / ".best"
        shutil.rmtree(aside, ignore_errors=True)
        model.save_pretrained(aside)
        shutil.rmtree(self.folder / f"best-{step}", ignore_errors=True)
        aside.rename(self.folder / f"best-{step}")

    def restore(self, model: Any) -> int | None:
        """Puts the best adapter back where the last measurement is not the best one; returns its step."""
        best = self.best
        if best is None or best is self.history[-1]:
            return None
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        step = int(best["step"])
        set_peft_model_state_dict(model, load_file(self.folder / f"best-{step}" / "adapter_model.safetensors"))
        return step
