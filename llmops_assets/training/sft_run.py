"""One SFT from its first or its resumed step to the saved adapter."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_assets.console import say
from llmops_assets.errors import TrainingError
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage import checkpoints
from llmops_assets.storage.atomic import read_json, write_json
from llmops_assets.training.progress import Progress
from llmops_assets.training.trainers import Watch, observe
from llmops_assets.training.validation import Validation, evenly, measuring_steps, validation_loss

PROBES = "probes.json"
PROBE_ROWS = 8

if TYPE_CHECKING:
    from llmops_assets.training.sft import SftJob


@dataclass
class SftRun:
    """A trainer with what watches it."""

    trainer: Any
    job: "SftJob"
    validation: Validation
    mark: str

    def train(self, resume: Path | None, adapter: Path) -> dict[str, Any]:
        """Trains to the end and saves the adapter.

        Raises:
            TrainingError: the loss is not a finite number any more.
        """
        rows = len(self.trainer.train_dataset)
        total = step_count(rows, self.job.recipe)
        self.points = measuring_steps(total, self.job.recipe.validation_points)
        self.stopped_early = False
        if resume is None:
            self._measure(0)
        else:
            say(f"resuming from {resume.name}")
        observe(self.trainer, Watch(self._on_step, self._on_checkpoint))
        self.progress = Progress("sft", total)
        self.trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        seconds = self.progress.seconds
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        restored = self.validation.restore(model)
        save_adapter(model, adapter, self.job.base.name)
        write_json(adapter / PROBES, [row.prompt for row in evenly(self.job.validation, PROBE_ROWS)])
        steps = [entry for entry in self.trainer.state.log_history if "loss" in entry]
        return {
            "steps": steps,
            "seconds": seconds,
            "tokens_per_second": self.progress.tokens_per_second,
            "adapter_loadable": is_loadable(adapter, model),
            "restored": restored,
            "stopped_early": self.stopped_early,
            "resumed": int(resume.name.rpartition("-")[2]) if resume else None,
        }

    def _on_step(self, step: int, logs: dict[str, Any]) -> bool:
        if not math.isfinite(logs["loss"]):
            raise TrainingError(f"expected a finite loss, got {logs['loss']} at step {step}; lower sft_learning_rate")
        self.progress.step(step, logs)
        if step not in self.points:
            return False
        started = time.monotonic()
        self._measure(step)
        self.progress.paused += time.monotonic() - started
        recipe = self.job.recipe
        self.stopped_early = self.validation.stalled(recipe.early_stop_patience, recipe.early_stop_delta)
        return self.stopped_early

    def _measure(self, step: int) -> None:
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        loss = validation_loss(model, self.job.validation, self.job.tokenizer.pad_token_id)
        say(f"validation loss after step {step}: {loss:.4f} ({len(self.job.validation)} rows)")
        if self.validation.record(step, loss):
            self.validation.keep(model, step)

    def _on_checkpoint(self, step: int) -> None:
        checkpoints.seal(self.validation.folder / f"checkpoint-{step}", self.mark)


def step_count(rows: int, recipe: TrainingConfig) -> int:
    """Optimizer steps of a whole SFT."""
    return math.ceil(rows / recipe.sft_batch_size) * recipe.sft_epochs


def save_adapter(model: Any, folder: Path, base: str) -> None:
    """Writes adapter_config.json and adapter_model.safetensors: the same bytes for the same training, on any machine.

    So the base is named, not pathed, and the layers are in order: PEFT keeps them as a set, whose order changes by process.
    """
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    config = read_json(folder / "adapter_config.json")
    write_json(folder / "adapter_config.json", {**config, "target_modules": sorted(config["target_modules"])})


def is_loadable(folder: Path, model: Any) -> bool:
    """Whether the saved adapter reads back as the one that was trained."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    kept, saved = (
        get_peft_model_state_dict(model, save_embedding_layers=False),
        load_file(folder / "adapter_model.safetensors"),
    )
    return kept.keys() == saved.keys() and all(bool((saved[name] == kept[name].cpu()).all()) for name in saved)
