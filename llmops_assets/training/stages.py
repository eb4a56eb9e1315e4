"""What the assets call: each stage runs in a child process, writes into `work`, and returns metadata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_assets.processes import run_stage
from llmops_assets.recipes.training import TrainingConfig

Log = Callable[[str], None]


def make_sft_adapter(
    work: Path,
    *,
    base: str,
    train: Path,
    validation: Path | None,
    config: TrainingConfig,
    cache: Path,
    log: Log = print,
) -> dict[str, Any]:
    """Fine-tunes a LoRA adapter on `train`.

    Writes adapter/, curves.json, curves.png and rendered_row.txt. A run that was killed is resumed from its checkpoint
    under `cache`.

    Args:
        work: an empty folder for the results.
        base: see `resolve_base`.
        train: JSONL rows {"id", "messages"}.
        validation: rows of the same form; None holds out a share of `train`.
        config: the training section of the recipe.
        cache: where converted bases and checkpoints lie.
        log: is told each line of progress.

    Raises:
        TrainingError: the training cannot start, or went wrong.
        StageProcessError: the child process died.
    """
    spec = {
        "base": base,
        "train": str(train),
        "validation": str(validation) if validation else None,
        "config": config.model_dump(mode="json"),
        "cache": str(cache),
    }
    return run_stage("llmops_assets.training.sft:train_sft", spec, work, log)


def make_merged_model(
    work: Path, *, base: str, adapter: Path, config: TrainingConfig, cache: Path, log: Log = print
) -> dict[str, Any]:
    """Merges an adapter into its base in full precision: model/ is a plain model folder, read back and compared.

    Raises:
        TrainingError: the adapter is missing, or does not fit the base.
        StageProcessError: the child process died.
    """
    settings = config.model_dump(mode="json")
    spec = {"base": base, "adapter": str(adapter), "config": settings, "cache": str(cache)}
    return run_stage("llmops_assets.training.merging:merge_model", spec, work, log)


def make_dpo_model(
    work: Path,
    *,
    merged: Path,
    pairs: Path,
    validation_pairs: Path,
    validation: Path,
    config: TrainingConfig,
    cache: Path,
    log: Log = print,
) -> dict[str, Any]:
    """Aligns the merged model on preference pairs: model/ is the merged result, dpo_adapter/ what was trained.

    Writes curves.json and curves.png too. A run that was killed is resumed from its checkpoint under `cache`. Where the
    DPO breaks `config.tolerances` and `config.ship_sft_if_dpo_fails` is set, or where `config.dpo_epochs` is 0, model/ is
    the merged SFT model, and the numbers returned are its own; `shipped` and `reason` say so.

    Args:
        work: an empty folder for the results.
        merged: the merged SFT model; also the reference.
        pairs: JSONL rows {"id", "prompt", "chosen", "rejected", "category"}.
        validation_pairs: held-out rows of the same form.
        validation: the SFT validation rows.
        config: the training section of the recipe.
        cache: where checkpoints lie.
        log: is told each line of progress.

    Raises:
        TrainingError: the training cannot start, or went wrong.
        StageProcessError: the child process died.
    """
    spec = {
        "merged": str(merged),
        "pairs": str(pairs),
        "validation_pairs": str(validation_pairs),
        "validation": str(validation),
        "config": config.model_dump(mode="json"),
        "cache": str(cache),
    }
    return run_stage("llmops_assets.training.dpo:train_dpo", spec, work, log)
