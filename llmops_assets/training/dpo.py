"""Preference optimisation of the merged SFT model: TRL with a LoRA adapter, resumable, then merged again and judged.

`train_dpo` runs in a child process; `stages.make_dpo_model` starts it. The reference is the merged model itself.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.console import say
from llmops_assets.errors import TrainingError
from llmops_assets.precision import bfloat16_products
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage import checkpoints
from llmops_assets.storage.atomic import read_json, sha256_file, sha256_json, write_json
from llmops_assets.training import memory
from llmops_assets.training.adapters import adapter_off, load_model, lora_config, with_adapter
from llmops_assets.training.backends import Backend, choose_backend
from llmops_assets.training.base_model import BaseModel, load_tokenizer, resolve_base
from llmops_assets.training.curves import plot_dpo
from llmops_assets.training.dpo_run import DpoRun, Standing, dpo_trainer, reference_of, standing, step_count
from llmops_assets.training.dpo_verdict import compare, failures, unchanged
from llmops_assets.training.memory import MemoryPlan
from llmops_assets.training.merging import load_adapted, merge_and_prove, prove_copy
from llmops_assets.training.pairs import PairSet, TokenPair, load_pairs
from llmops_assets.training.planning import Load, plan_memory
from llmops_assets.training.rows import TrainingRow, load_rows
from llmops_assets.training.sft_run import PROBE_ROWS, PROBES, is_loadable, save_adapter
from llmops_assets.training.trainers import LIGHT_FAMILIES
from llmops_assets.training.validation import evenly

CODE_VERSION = 2
ADAPTER = "dpo_adapter"


@dataclass(frozen=True)
class DpoJob:
    """All that one preference optimisation is made from."""

    merged: BaseModel
    backend: Backend
    recipe: TrainingConfig
    tokenizer: Any
    pairs: tuple[TokenPair, ...]
    offered: PairSet
    validation_pairs: tuple[TokenPair, ...]
    validation: tuple[TrainingRow, ...]
    fingerprint: str

    @property
    def shared(self) -> bool:
        """Whether both answers of a pair share a row; unsloth's attention knows no mask of ours."""
        return self.backend.library != "unsloth"

    @property
    def probes(self) -> list[list[int]]:
        """Prompts that prove a merge: those that SFT proved its own with."""
        return [row.prompt for row in evenly(self.validation, PROBE_ROWS)]


def train_dpo(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """Aligns a merged model in this process; see `stages.make_dpo_model` for what it leaves behind.

    Raises:
        TrainingError: the data, the machine or the numbers do not allow a training.
    """
    cache, recipe = Path(spec["cache"]), TrainingConfig.model_validate(spec["config"])
    job = _prepare(spec, recipe, cache)
    facts = {
        "merged": job.merged.to_json(),
        "backend": job.backend.to_json(),
        "fingerprint": job.fingerprint,
        "pairs": len(job.pairs),
        "pairs_offered": len(job.offered.pairs),
        "pairs_too_long": list(job.offered.too_long),
        "validation_pairs": len(job.validation_pairs),
    }
    if recipe.dpo_epochs == 0:
        return {**facts, **_without_dpo(work, job)}
    pairs = job.pairs
    load = Load(
        max(pair.longest for pair in pairs), max(pair.longest_answer for pair in pairs), recipe.dpo_batch_size, rows=2
    )
    plan, sizes = plan_memory(job.merged.folder, recipe, job.backend, load)
    memory.check_disk(work, sizes.disk)
    with bfloat16_products():
        trained, left = memory.descend(plan, lambda rung: _attempt(work, cache, job, rung), say)
    found = _ship(work, job, trained)
    shutil.rmtree(trained["folder"])
    return {**facts, **found, "memory_estimate": sizes.to_json(), "memory_steps_down": left}


def _prepare(spec: dict[str, Any], recipe: TrainingConfig, cache: Path) -> DpoJob:
    merged = resolve_base(spec["merged"], cache)
    _check_family(merged.folder)
    backend = choose_backend(recipe.backend)
    say(f"reference {merged.source}; {backend.reason}")
    tokenizer = load_tokenizer(merged.folder)
    offered = load_pairs(Path(spec["pairs"]), tokenizer, recipe.max_length)
    pairs = evenly(offered.pairs, recipe.dpo_pairs or len(offered.pairs))
    held = load_pairs(Path(spec["validation_pairs"]), tokenizer, recipe.max_length)
    rows = load_rows(Path(spec["validation"]), tokenizer, recipe.max_length).rows
    left_out = {"output_dir", "tolerances", "ship_sft_if_dpo_fails", "base_model", "early_stop_patience"}
    section = {
        key: value
        for key, value in recipe.model_dump(mode="json", exclude=left_out).items()
        if not key.startswith("sft_")
    }
    files = [sha256_file(Path(spec[name])) for name in ("pairs", "validation_pairs", "validation")]
    fingerprint = sha256_json([CODE_VERSION, merged.digest, files, section, *backend.decisive])
    validation = evenly(rows, recipe.validation_rows)
    return DpoJob(merged, backend, recipe, tokenizer, pairs, offered, held.pairs, validation, fingerprint)


def _check_family(folder: Path) -> None:
    family = read_json(folder / "config.json")["model_type"]
    if family not in LIGHT_FAMILIES:
        raise TrainingError(
            f"expected a model of the families {', '.join(LIGHT_FAMILIES)} for DPO in {folder}, got {family}; "
            "set dpo_epochs: 0 or choose another base_model"
        )


def _attempt(work: Path, cache: Path, job: DpoJob, plan: MemoryPlan) -> dict[str, Any]:
    """One DPO under one memory plan; its checkpoints stay until the model is merged."""
    pairs = tuple(pair for pair in job.pairs if pair.longest <= plan.max_length)
    if not pairs:
        raise TrainingError(f"expected pairs of up to {plan.max_length} tokens, none is left; raise the memory")
    recipe = job.recipe
    # Another rank or another set of pairs is another training; a smaller batch is the same one.
    mark = sha256_json([job.fingerprint, plan.rank, len(pairs)])
    folder = cache / "checkpoints" / f"dpo-{mark[:16]}"
    with checkpoints.only_one(folder):
        resume = checkpoints.newest_whole(folder, mark)
        model, config = _policy(job, plan)
        with adapter_off(model):
            reference = reference_of(model, job, pairs, folder)
        trainer = dpo_trainer(model, config, job, pairs, reference.train, folder, plan)
        run = DpoRun(trainer, folder, mark, step_count(len(pairs), recipe))
        steps = run.train(resume)
        policy = trainer.accelerator.unwrap_model(trainer.model)
        after = standing(policy, job)
        shutil.rmtree(work / ADAPTER, ignore_errors=True)
        save_adapter(policy, work / ADAPTER, "merged_model")
        write_json(work / ADAPTER / PROBES, job.probes)
        return {
            "folder": folder,
            "steps": steps,
            "before": reference.before,
            "after": after,
            "seconds": run.progress.seconds,
            "tokens_per_second": run.progress.tokens_per_second,
            "adapter_loadable": is_loadable(work / ADAPTER, policy),
            "resumed_from_step": int(resume.name.rpartition("-")[2]) if resume else None,
            "memory_plan": plan.to_json(),
        }


def _policy(job: DpoJob, plan: MemoryPlan) -> tuple[Any, Any]:
    """The model, and the adapter that TRL is to put on it; unsloth has put its own on."""
    recipe, folder = job.recipe, job.merged.folder
    if job.backend.library == "unsloth":
        return with_adapter(folder, job.backend, recipe.lora, plan.rank, recipe.seed, plan.max_length), None
    return load_model(folder, job.backend), lora_config(recipe.lora, plan.rank, recipe.lora.dropout)


def _ship(work: Path, job: DpoJob, trained: dict[str, Any]) -> dict[str, Any]:
    """Merges what was trained, judges it, and lets the SFT model go on where the recipe wants that of a failed DPO."""
    steps, recipe = trained["steps"], job.recipe
    plot_dpo(work, steps, trained["before"].validation_loss, trained["after"].validation_loss)
    say(f"merging {ADAPTER} into {job.merged.name}")
    memory.release_memory()
    model = load_adapted(job.merged.folder, work / ADAPTER)
    shutil.rmtree(work / "model", ignore_errors=True)
    proof = merge_and_prove(model, job.tokenizer, job.probes, work / "model", recipe.max_length)
    kept = ("seconds", "tokens_per_second", "adapter_loadable", "resumed_from_step", "memory_plan")
    run = {
        "steps": len(steps),
        **{name: trained[name] for name in kept},
        **memory.peak_memory_gib(job.backend.device),
    }
    found = {
        "dpo_start_loss": steps[0]["loss"],
        "dpo_loss_final": steps[-1]["loss"],
        **compare(trained["before"], trained["after"], job.validation_pairs, recipe.dpo_beta),
        **proof,
    }
    broken = failures(found, recipe.tolerances)
    reason = "; ".join(broken) or "the DPO holds its tolerances"
    say(f"DPO margin {found['dpo_margin']:.4f}, accuracy {found['dpo_accuracy']:.3f}: {reason}")
    if not broken or not recipe.ship_sft_if_dpo_fails:
        return {**run, **found, "shipped": "dpo", "reason": reason}
    shutil.rmtree(work / "model")
    return {**run, **_copied(work, job, trained["before"]), "shipped": "sft", "reason": reason, "failed_dpo": found}


def _without_dpo(work: Path, job: DpoJob) -> dict[str, Any]:
    model = load_model(job.merged.folder, job.backend)
    before = standing(model, job)
    plot_dpo(work, [], before.validation_loss, before.validation_loss)
    reason = "the recipe says dpo_epochs: 0"
    say(f"no DPO: {reason}; the SFT model goes on")
    run = {"steps": 0, "seconds": 0.0, "tokens_per_second": 0.0, **memory.peak_memory_gib(job.backend.device)}
    return {**run, **_copied(work, job, before), "shipped": "sft", "reason": reason}


def _copied(work: Path, job: DpoJob, before: Standing) -> dict[str, Any]:
    """The merged SFT model as it is, with its own numbers."""
    shutil.copytree(job.merged.folder, work / "model")
    proof = prove_copy(work / "model", job.merged.folder, job.tokenizer, job.probes, job.recipe.max_length)
    return {**unchanged(before, job.validation_pairs, job.recipe.dpo_beta), **proof}
