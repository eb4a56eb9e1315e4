"""Tokens a second of our SFT, and without one speed-up each, against plain `trl.SFTTrainer`: the same base, rows and steps.

`python benchmarks/sft_speed.py [--steps 12] [--batch 16] [--rounds 1]`; each variant runs in a process of its own, one
after the other, so that rounds alternate. Plain TRL gets the same LoRA, batch, tokenizer and template and its defaults
otherwise, but for bf16, which it would choose even on a CPU that only emulates it, and for its loss where Triton is
missing: TRL 1.15 computes none without, so that it gets the loss of transformers. The first step is not timed.
CPU seconds are shown too: they say the same on a machine that others use meanwhile.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from llmops_assets.precision import bfloat16_products
from llmops_assets.processes import QUIET
from llmops_assets.project import Project
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage.atomic import read_jsonl, write_jsonl
from llmops_assets.training import trainers
from llmops_assets.training.backends import Backend

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "data/raw/TaskMaster/written_1.jsonl"
CACHE = Project(ROOT).home / "cache"
VARIANTS = (
    "ours",
    "ours without shards",
    "ours with fused attention",
    "ours in float32",
    "trl",
    "trl with gradient checkpointing",
)


class Stopwatch:
    """Times what lies between the end of the first and the end of the last step."""

    def __init__(self, trainer: Any) -> None:
        from transformers import TrainerCallback

        self.tokens: list[int] = []
        self.ends: list[tuple[float, float]] = []
        self.collate = trainer.data_collator
        trainer.data_collator = self.counting

        def on_step_end(callback: Any, *_: Any, **__: Any) -> None:
            self.ends.append((time.monotonic(), time.process_time()))

        trainer.add_callback(type("StopwatchCallback", (TrainerCallback,), {"on_step_end": on_step_end})())

    def counting(self, rows: Any) -> Any:
        """The batch, its real tokens noted."""
        batch = self.collate(rows)
        self.tokens.append(int(batch["attention_mask"].sum()))
        return batch

    def read(self) -> dict[str, float]:
        """The speed."""
        tokens = sum(self.tokens[1 : len(self.ends)])
        wall, cpu = (last - first for first, last in zip(self.ends[0], self.ends[-1], strict=True))
        return {"tokens": tokens, "tokens_per_second": tokens / wall, "tokens_per_cpu_second": tokens / cpu}


def our_trainer(rows: Path, steps: int, batch: int, folder: Path) -> Any:
    from llmops_assets.training.adapters import with_adapter
    from llmops_assets.training.backends import choose_backend
    from llmops_assets.training.base_model import load_tokenizer, resolve_base
    from llmops_assets.training.memory import MemoryPlan
    from llmops_assets.training.rows import load_rows
    from llmops_assets.training.sft import SftJob, sft_trainer

    recipe = TrainingConfig(base_model="smollm2-135m", sft_epochs=1, sft_batch_size=batch)
    base, backend = resolve_base(recipe.base_model, CACHE), choose_backend()
    tokenizer = load_tokenizer(base.folder)
    found = load_rows(rows, tokenizer, recipe.max_length)
    model = with_adapter(base.folder, backend, recipe.lora, recipe.lora.rank, recipe.seed, recipe.max_length)
    job = SftJob(base, backend, recipe, tokenizer, found, found.rows, "benchmark")
    plan = MemoryPlan(batch, 1, checkpointing=False, max_length=recipe.max_length, rank=recipe.lora.rank)
    trainer = sft_trainer(model, job, found.rows, folder, plan)
    trainer.args.max_steps, trainer.args.save_strategy = steps, "no"
    return trainer


def plain_trainer(rows: Path, steps: int, batch: int, folder: Path, *, checkpointing: bool) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, Trainer
    from trl import SFTConfig, SFTTrainer

    from llmops_assets.training.base_model import load_tokenizer, resolve_base

    base = resolve_base("smollm2-135m", CACHE).folder
    messages = [{"messages": row["messages"]} for row in read_jsonl(rows)]
    arguments = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=batch,
        max_steps=steps,
        gradient_checkpointing=checkpointing,
        bf16=False,
        use_cpu=not torch.cuda.is_available(),
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    lossless = importlib.util.find_spec("triton") is None
    made = type("PlainTrainer", (SFTTrainer,), {"compute_loss": Trainer.compute_loss}) if lossless else SFTTrainer
    return made(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list(messages),
        processing_class=load_tokenizer(base),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
    )


def run_one(variant: str, rows: Path, steps: int, batch: int, folder: Path) -> dict[str, float]:
    if variant.startswith("ours"):
        if variant == "ours without shards":
            trainers.shard_count = lambda *_: 1
        if variant == "ours with fused attention":
            Backend.attention = property(lambda _: "sdpa")  # type: ignore[assignment,method-assign]
        trainer = our_trainer(rows, steps, batch, folder)
    else:
        trainer = plain_trainer(rows, steps, batch, folder, checkpointing=variant != "trl")
    watch = Stopwatch(trainer)
    with bfloat16_products() if variant.startswith("ours") and variant != "ours in float32" else nullcontext():
        trainer.train()
    return watch.read()


def run_apart(variant: str, options: argparse.Namespace, rows: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--variant", variant, "--rows", str(rows), "--folder", str(folder)]
    command += ["--steps", str(options.steps), "--batch", str(options.batch)]
    made = subprocess.run(command, env={**QUIET, **os.environ}, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        sys.exit(f"expected a result of {variant}, got:\n{made.stderr[-2000:]}")
    result: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        found = run_one(options.variant, options.rows, options.steps, options.batch, options.folder)
        print(json.dumps(found))
        return
    results: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        rows = write_jsonl(Path(folder) / "rows.jsonl", read_jsonl(options.rows)[: options.steps * options.batch])
        for _ in range(options.rounds):
            for variant in VARIANTS:
                found = run_apart(variant, options, rows, Path(folder) / "run")
                results[variant].append(found)
                speeds = (
                    f"{found['tokens_per_second']:.0f} tokens/s, {found['tokens_per_cpu_second']:.0f} tokens/CPU second"
                )
                print(f"{variant}: {speeds}, {found['tokens']:.0f} tokens timed", flush=True)
    for variant in VARIANTS[1:]:
        ratios = [ratio(results, variant, unit) for unit in ("tokens_per_second", "tokens_per_cpu_second")]
        print(f"ours / {variant}: {ratios[0]:.2f} tokens/s, {ratios[1]:.2f} tokens/CPU second")


def ratio(results: dict[str, list[dict[str, float]]], other: str, unit: str) -> float:
    """Of the best round of each: what others do on the machine only ever slows a round down."""
    return max(found[unit] for found in results["ours"]) / max(found[unit] for found in results[other])


if __name__ == "__main__":
    main()
