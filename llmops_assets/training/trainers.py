"""TRL's trainers, set up for rows of our own: logits only where a label is, our order of rows, our checkpoints.

The classes are made inside functions, so that importing this module loads neither torch nor trl.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.shards import cut, shard_count, summed, trained
from llmops_assets.training.backends import Backend
from llmops_assets.training.memory import MemoryPlan
from llmops_assets.training.rows import IGNORED, TrainingRow
from llmops_assets.training.sampling import LengthGrouped

ADAM_BETA2 = 0.99
LIGHT_FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "smollm3")


@dataclass(frozen=True)
class Watch:
    """What is told after each optimizer step and after each checkpoint."""

    on_step: Callable[[int, dict[str, Any]], bool]
    on_checkpoint: Callable[[int], None]


def trainer_class(base: Any, **methods: Any) -> Any:
    """A subclass of a TRL trainer with our order of rows and without its model cards."""
    common = {"_get_train_sampler": _sampler, "create_model_card": lambda *_, **__: None}
    return type(f"Lean{base.__name__}", (base,), {**common, **methods})


def sft_trainer_class(model_type: str) -> Any:
    """TRL's SFTTrainer; for plain decoders its loss is replaced by one that computes logits at labels only."""
    from trl.trainer.sft_trainer import SFTTrainer

    return (
        trainer_class(SFTTrainer, compute_loss=labelled_loss)
        if model_type in LIGHT_FAMILIES
        else trainer_class(SFTTrainer)
    )


def _sampler(self: Any, train_dataset: Any = None) -> LengthGrouped:
    rows = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
    return LengthGrouped(self.row_lengths, rows, self.args.seed)


def labelled_loss(
    self: Any,
    model: Any,
    inputs: dict[str, Any],
    return_outputs: bool = False,
    num_items_in_batch: Any = None,
) -> Any:
    """Mean cross entropy over the labelled tokens of the whole optimizer step."""
    plain = self.accelerator.unwrap_model(model)
    parts = shard_rows(inputs, shard_count(len(inputs["input_ids"]), self.args.device.type))
    total = summed(lambda part: summed_loss(plain, part, self.accelerator.autocast())[0], parts, trained(plain))
    self._total_train_tokens += int(inputs["attention_mask"].sum())
    self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
    count = (inputs["labels"][:, 1:] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    loss = total / count
    return (loss, None) if return_outputs else loss


def shard_rows(batch: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """A batch of rows that are padded on the right, in parts of consecutive rows, each as wide as its longest."""
    places = cut(range(len(batch["input_ids"])), count)
    widths = [int(batch["attention_mask"][place[0] : place[-1] + 1].sum(1).max()) for place in places]
    return [
        {name: batch[name][place[0] : place[-1] + 1, :width] for name in ("input_ids", "attention_mask", "labels")}
        for place, width in zip(places, widths, strict=True)
    ]


def summed_loss(model: Any, inputs: dict[str, Any], precision: Any) -> tuple[Any, int]:
    """Cross entropy summed over the labelled tokens, and their number.

    Rows are padded on the right, so that no real token looks at padding: without a mask, attention takes its fast path.
    """
    from torch.nn.functional import cross_entropy

    decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
    targets = inputs["labels"][:, 1:]
    labelled = targets != IGNORED
    with precision:
        hidden = decoder.model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
        logits = decoder.lm_head(hidden[:, :-1][labelled])
    return cross_entropy(logits.float(), targets[labelled], reduction="sum"), int(labelled.sum())


def pad_rows(rows: Sequence[TrainingRow], pad_id: int) -> dict[str, Any]:
    """A batch, padded on the right."""
    import torch

    width = max(len(row.input_ids) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for number, row in enumerate(rows):
        size = len(row.input_ids)
        ids[number, :size] = torch.tensor(row.input_ids)
        labels[number, :size] = torch.tensor(row.labels)
        mask[number, :size] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def observe(trainer: Any, watch: Watch) -> None:
    """Lets `watch` be told, and silences the printing of transformers itself."""
    from transformers import PrinterCallback, TrainerCallback

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs and watch.on_step(state.global_step, logs):
            control.should_training_stop = True

    def on_save(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        watch.on_checkpoint(state.global_step)

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(type("WatchCallback", (TrainerCallback,), {"on_log": on_log, "on_save": on_save})())


def common_arguments(plan: MemoryPlan, backend: Backend, seed: int) -> dict[str, Any]:
    """What SFTConfig and DPOConfig share here."""
    return {
        "per_device_train_batch_size": plan.micro_batch,
        "per_device_eval_batch_size": plan.micro_batch,
        "gradient_accumulation_steps": plan.accumulation,
        "gradient_checkpointing": plan.checkpointing,
        "optim": "adamw_torch",
        "adam_beta2": ADAM_BETA2,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": backend.device == "cpu",
        "bf16": backend.dtype == "bfloat16",
        "dataloader_pin_memory": backend.device == "cuda",
        "seed": seed,
        "remove_unused_columns": False,
    }
