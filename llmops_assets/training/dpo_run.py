"""One DPO from its first or its resumed step to the saved adapter, measured against its reference before and after."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_assets.console import say
from llmops_assets.errors import StoreError, TrainingError
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.shards import shard_count
from llmops_assets.storage import checkpoints
from llmops_assets.storage.atomic import read_json, write_json
from llmops_assets.training.memory import MemoryPlan
from llmops_assets.training.pairs import TokenPair
from llmops_assets.training.preference_loss import PairCollator, PairLogps, dpo_trainer_class, pair_logps
from llmops_assets.training.progress import Progress
from llmops_assets.training.trainers import Watch, common_arguments, observe
from llmops_assets.training.validation import validation_loss

if TYPE_CHECKING:
    from llmops_assets.training.dpo import DpoJob

REFERENCE = "reference.json"


@dataclass(frozen=True)
class Standing:
    """What a policy makes of the held-out pairs and of the SFT validation rows."""

    pairs: PairLogps
    validation_loss: float


@dataclass(frozen=True)
class Reference:
    """The model before DPO: its log-probabilities of the training pairs, and its standing."""

    train: PairLogps
    before: Standing


def standing(model: Any, job: "DpoJob") -> Standing:
    """Measures a policy."""
    pad = job.tokenizer.pad_token_id
    logps = pair_logps(model, job.validation_pairs, pad, shared=job.shared)
    return Standing(logps, validation_loss(model, job.validation, pad))


def reference_of(model: Any, job: "DpoJob", pairs: Sequence[TokenPair], folder: Path) -> Reference:
    """Measured once a training: a resumed run reads it from beside the checkpoints."""
    try:
        known = read_json(folder / REFERENCE)
        before = Standing(_logps(known["before"]["pairs"]), known["before"]["validation_loss"])
        return Reference(_logps(known["train"]), before)
    except StoreError:
        say(f"reference log-probabilities of {len(pairs)} pairs, {len(job.validation_pairs)} held out")
        logps = pair_logps(model, pairs, job.tokenizer.pad_token_id, shared=job.shared)
        found = Reference(logps, standing(model, job))
        write_json(folder / REFERENCE, asdict(found))
        return found


def _logps(known: dict[str, list[float]]) -> PairLogps:
    return PairLogps(tuple(known["chosen"]), tuple(known["rejected"]))


def step_count(pairs: int, recipe: TrainingConfig) -> int:
    """Optimizer steps of a whole DPO."""
    return math.ceil(pairs / recipe.dpo_batch_size) * recipe.dpo_epochs


def dpo_trainer(
    model: Any,
    adapter: Any,
    job: "DpoJob",
    pairs: Sequence[TokenPair],
    train: PairLogps,
    folder: Path,
    plan: MemoryPlan,
) -> Any:
    """TRL's DPOTrainer over pairs that carry their reference; `adapter` is None for a model that has one."""
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig

    recipe = job.recipe
    arguments = DPOConfig(
        output_dir=str(folder),
        beta=recipe.dpo_beta,
        num_train_epochs=recipe.dpo_epochs,
        learning_rate=recipe.dpo_learning_rate,
        lr_scheduler_type=recipe.scheduler,
        warmup_steps=math.ceil(recipe.warmup_ratio * step_count(len(pairs), recipe)),
        save_steps=recipe.checkpoint_every_n_steps,
        max_length=None,
        **common_arguments(plan, job.backend, recipe.seed),
    )
    columns = {
        "prompt_ids": [pair.prompt for pair in pairs],
        "chosen_ids": [pair.chosen for pair in pairs],
        "rejected_ids": [pair.rejected for pair in pairs],
        "ref_chosen_logps": list(train.chosen),
        "ref_rejected_logps": list(train.rejected),
    }
    trainer = dpo_trainer_class()(
        model,
        args=arguments,
        data_collator=PairCollator(
            job.tokenizer.pad_token_id, job.shared, shard_count(2 * plan.micro_batch, job.backend.device)
        ),
        train_dataset=Dataset.from_dict(columns),
        processing_class=job.tokenizer,
        peft_config=adapter,
    )
    trainer.row_lengths = [pair.tokens for pair in pairs]
    return trainer


@dataclass
class DpoRun:
    """A trainer with what watches it."""

    trainer: Any
    folder: Path
    mark: str
    steps: int

    def train(self, resume: Path | None) -> list[dict[str, Any]]:
        """Trains to the end and returns what was logged at each step.

        Raises:
            TrainingError: the loss is not a finite number any more.
        """
        if resume is not None:
            say(f"resuming from {resume.name}")
        observe(self.trainer, Watch(self._on_step, self._on_checkpoint))
        self.progress = Progress("dpo", self.steps)
        self.trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        return [entry for entry in self.trainer.state.log_history if "loss" in entry]

    def _on_step(self, step: int, logs: dict[str, Any]) -> bool:
        if not math.isfinite(logs["loss"]):
            raise TrainingError(f"expected a finite loss, got {logs['loss']} at step {step}; lower dpo_learning_rate")
        self.progress.step(step, logs)
        return False

    def _on_checkpoint(self, step: int) -> None:
        checkpoints.seal(self.folder / f"checkpoint-{step}", self.mark)
