"""Supervised fine-tuning: TRL with a LoRA adapter, loss on the assistant's tokens, resumable, and measured as it goes.

`train_sft` runs in a child process; `stages.make_sft_adapter` starts it.
"""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.console import say
from llmops_assets.errors import TrainingError
from llmops_assets.precision import bfloat16_products
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage import checkpoints
from llmops_assets.storage.atomic import sha256_file, sha256_json, write_text
from llmops_assets.training import memory
from llmops_assets.training.adapters import with_adapter
from llmops_assets.training.backends import Backend, choose_backend
from llmops_assets.training.base_model import BaseModel, load_tokenizer, resolve_base
from llmops_assets.training.curves import plot_sft
from llmops_assets.training.memory import MemoryPlan
from llmops_assets.training.planning import Load, plan_memory
from llmops_assets.training.rows import RowSet, TrainingRow, load_rows, show_row
from llmops_assets.training.sft_run import SftRun, step_count
from llmops_assets.training.trainers import common_arguments, sft_trainer_class
from llmops_assets.training.validation import Validation, evenly

CODE_VERSION = 2


@dataclass(frozen=True)
class SftJob:
    """All that one training is made from."""

    base: BaseModel
    backend: Backend
    recipe: TrainingConfig
    tokenizer: Any
    train: RowSet
    validation: tuple[TrainingRow, ...]
    fingerprint: str


def train_sft(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """Trains the adapter of one product in this process; see `stages.make_sft_adapter` for what it leaves behind.

    Raises:
        TrainingError: the data, the machine or the numbers do not allow a training.
    """
    cache = Path(spec["cache"])
    job = _prepare(
        spec["base"], spec["train"], spec["validation"], TrainingConfig.model_validate(spec["config"]), cache
    )
    rows = job.train.rows
    load = Load(max(len(row.input_ids) for row in rows), max(row.trained for row in rows), job.recipe.sft_batch_size)
    plan, sizes = plan_memory(job.base.folder, job.recipe, job.backend, load)
    memory.check_disk(work, sizes.disk)
    rendered = show_row(job.train.rows[0], job.tokenizer)
    write_text(work / "rendered_row.txt", rendered)
    with bfloat16_products():
        result, left = memory.descend(plan, lambda rung: _attempt(work, cache, job, rung), say)
    return {
        **result,
        "base": job.base.to_json(),
        "backend": job.backend.to_json(),
        "fingerprint": job.fingerprint,
        "rows": len(job.train.rows),
        "rows_too_long": list(job.train.too_long),
        "row_tokens": job.train.tokens,
        "trained_tokens": job.train.trained_tokens,
        "rendered_row": rendered,
        "memory_estimate": sizes.to_json(),
        "memory_steps_down": left,
    }


def _prepare(base: str, train: str, validation: str | None, recipe: TrainingConfig, cache: Path) -> SftJob:
    origin = resolve_base(base, cache)
    backend = choose_backend(recipe.backend)
    say(f"base {origin.name} from {origin.source}; {backend.reason}")
    tokenizer = load_tokenizer(origin.folder)
    rows = load_rows(Path(train), tokenizer, recipe.max_length)
    if validation is not None:
        held = load_rows(Path(validation), tokenizer, recipe.max_length).rows
    else:
        rows, held = hold_out(rows, recipe)
    fingerprint = _fingerprint(origin, train, validation, recipe, backend)
    return SftJob(origin, backend, recipe, tokenizer, rows, evenly(held, recipe.validation_rows), fingerprint)


def hold_out(rows: RowSet, recipe: TrainingConfig) -> tuple[RowSet, tuple[TrainingRow, ...]]:
    """Splits the training rows by hash where there is no validation file.

    Raises:
        TrainingError: too few rows.
    """
    count = max(1, round(len(rows.rows) * recipe.validation_split))
    if count >= len(rows.rows):
        raise TrainingError(
            f"expected more than {len(rows.rows)} rows to hold {count} out of; add data or a validation file"
        )
    order = sorted(rows.rows, key=lambda row: sha256_json([recipe.seed, row.id]))
    held = {row.id for row in order[:count]}
    return RowSet(tuple(row for row in rows.rows if row.id not in held), rows.too_long), tuple(order[:count])


def _fingerprint(
    origin: BaseModel, train: str, validation: str | None, recipe: TrainingConfig, backend: Backend
) -> str:
    section = recipe.model_dump(
        mode="json", exclude={"output_dir", "tolerances", "ship_sft_if_dpo_fails", "base_model"}
    )
    files = [sha256_file(Path(path)) for path in (train, validation) if path is not None]
    section = {key: value for key, value in section.items() if not key.startswith("dpo_")}
    return sha256_json([CODE_VERSION, origin.digest, files, section, *backend.decisive])


def _attempt(work: Path, cache: Path, job: SftJob, plan: MemoryPlan) -> dict[str, Any]:
    """One training under one memory plan."""
    rows = tuple(row for row in job.train.rows if len(row.input_ids) <= plan.max_length)
    if not rows:
        raise TrainingError(
            f"expected rows of up to {plan.max_length} tokens, none is left at this memory; raise the memory"
        )
    # Another rank or another set of rows is another training; a smaller batch is the same one.
    mark = sha256_json([job.fingerprint, plan.rank, len(rows)])
    folder = cache / "checkpoints" / f"sft-{mark[:16]}"
    with checkpoints.only_one(folder):
        resume = checkpoints.newest_whole(folder, mark)
        recipe = job.recipe
        model = with_adapter(job.base.folder, job.backend, recipe.lora, plan.rank, recipe.seed, plan.max_length)
        trainer = sft_trainer(model, job, rows, folder, plan)
        validation = Validation.load(folder, resume)
        result = SftRun(trainer, job, validation, mark).train(resume, work / "adapter")
        plot_sft(work, result["steps"], validation.history)
        shutil.rmtree(folder)
    return {**_numbers(result, validation, job.backend), "memory_plan": plan.to_json()}


def sft_trainer(model: Any, job: SftJob, rows: tuple[TrainingRow, ...], folder: Path, plan: MemoryPlan) -> Any:
    """TRL's SFTTrainer over rows that are tokens already, under one memory plan."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig

    recipe = job.recipe
    arguments = SFTConfig(
        output_dir=str(folder),
        num_train_epochs=recipe.sft_epochs,
        learning_rate=recipe.sft_learning_rate,
        lr_scheduler_type=recipe.scheduler,
        warmup_steps=math.ceil(recipe.warmup_ratio * step_count(len(rows), recipe)),
        save_steps=recipe.checkpoint_every_n_steps,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        **common_arguments(plan, job.backend, recipe.seed),
    )
    columns = {"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows]}
    made = sft_trainer_class(model.config.model_type)
    trainer = made(model, args=arguments, train_dataset=Dataset.from_dict(columns), processing_class=job.tokenizer)
    trainer.row_lengths = [len(row.input_ids) for row in rows]
    return trainer


def _numbers(result: dict[str, Any], validation: Validation, backend: Backend) -> dict[str, Any]:
    losses = [step["loss"] for step in result["steps"]]
    history = validation.history
    best = validation.best
    return {
        "steps": len(losses),
        "loss_finite": all(math.isfinite(loss) for loss in losses),
        "train_loss_first": losses[0],
        "train_loss_final": sum(losses[-10:]) / len(losses[-10:]),
        "validation_loss_base": history[0]["loss"],
        "validation_loss_final": best["loss"] if best and result["restored"] else history[-1]["loss"],
        "validation_loss_last": history[-1]["loss"],
        "validation_loss_best": best["loss"] if best else history[0]["loss"],
        "adapter_loadable": result["adapter_loadable"],
        "restored_step": result["restored"],
        "stopped_early": result["stopped_early"],
        "resumed_from_step": result["resumed"],
        "tokens_per_second": round(result["tokens_per_second"], 1),
        "seconds": round(result["seconds"], 1),
        **memory.peak_memory_gib(backend.device),
    }
