"""Memory and disk: an estimate before the start, the peak while running, and a ladder to step down on out-of-memory."""

import gc
import json
import resource
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from llmops_assets.errors import LLMOpsError, TrainingError

Result = TypeVar("Result")

GIB = 2**30
RUNTIME_BYTES = 0.7 * GIB
SHORTEST = 64
SMALLEST_RANK = 4


@dataclass(frozen=True)
class MemoryPlan:
    """How a training fits into memory. Batch times accumulation stays what the recipe says."""

    micro_batch: int
    accumulation: int
    checkpointing: bool
    max_length: int
    rank: int

    def step_down(self) -> "MemoryPlan | None":
        """The next rung: halve the batch, recompute activations, shorten the rows, shrink the adapter; None at the end."""
        if self.micro_batch > 1:
            rows = self.micro_batch * self.accumulation
            half = max(size for size in range(1, self.micro_batch // 2 + 1) if rows % size == 0)
            return replace(self, micro_batch=half, accumulation=rows // half)
        if not self.checkpointing:
            return replace(self, checkpointing=True)
        if self.max_length >= 2 * SHORTEST:
            return replace(self, max_length=self.max_length // 2)
        if self.rank >= 2 * SMALLEST_RANK:
            return replace(self, rank=self.rank // 2)
        return None

    def to_json(self) -> dict[str, Any]:
        """Metadata."""
        return asdict(self)


@dataclass(frozen=True)
class ModelShape:
    """What an estimate needs to know about a model."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int


def shape_of(folder: Path) -> ModelShape:
    """From the configuration of a model folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    hidden, layers, wide = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or hidden // heads
    kv = config.get("num_key_value_heads", heads) * head
    layer = 2 * hidden * heads * head + 2 * hidden * kv + 3 * hidden * wide
    tables = 1 if config.get("tie_word_embeddings") else 2
    parameters = layers * layer + tables * config["vocab_size"] * hidden
    return ModelShape(parameters, layers, hidden, wide, config["vocab_size"])


@dataclass(frozen=True)
class Estimate:
    """Bytes, before anything is loaded."""

    weights: float
    adapter: float
    activations: float
    logits: float
    runtime: float
    disk: float

    @property
    def memory(self) -> float:
        """All that is held at once."""
        return self.weights + self.adapter + self.activations + self.logits + self.runtime

    def to_json(self) -> dict[str, float]:
        """GiB."""
        parts = {f"{name}_gib": round(value / GIB, 3) for name, value in asdict(self).items()}
        return {**parts, "memory_gib": round(self.memory / GIB, 3)}


def estimate(
    shape: ModelShape, plan: MemoryPlan, row_tokens: int, trained_tokens: int, weight_bytes: float
) -> Estimate:
    """What a training will hold.

    Args:
        shape: the base model.
        plan: how it is run.
        row_tokens: the longest row; a batch is padded to it.
        trained_tokens: the most tokens of a row that carry loss: only they have logits.
        weight_bytes: of a parameter of the base: 4 in fp32, 2 in bf16, about 0.6 in 4-bit.
    """
    adapter_parameters = plan.rank * shape.layers * (9 * shape.hidden + 3 * shape.intermediate)
    tokens = plan.micro_batch * min(row_tokens, plan.max_length)
    # Kept for the backward pass of each layer: about 12 vectors of the hidden and 5 of the wide size, in 4 bytes.
    layer = 4.0 * (12 * shape.hidden + 5 * shape.intermediate)
    kept = 4.0 * shape.hidden * shape.layers + layer if plan.checkpointing else layer * shape.layers
    return Estimate(
        weights=shape.parameters * weight_bytes,
        adapter=16.0 * adapter_parameters,
        activations=tokens * kept,
        logits=3 * 4.0 * plan.micro_batch * trained_tokens * shape.vocabulary,
        runtime=RUNTIME_BYTES,
        disk=disk_bytes(shape, adapter_parameters),
    )


def disk_bytes(shape: ModelShape, adapter_parameters: int) -> float:
    """What is still to be written: merged twice, F16 and quantised once, two checkpoints with optimizer, two adapters."""
    return shape.parameters * (4 + 4 + 2 + 2) + adapter_parameters * 4.0 * (2 * 3 + 2)


def fitting_plan(plan: MemoryPlan, need: Callable[[MemoryPlan], Estimate], free: float) -> tuple[MemoryPlan, Estimate]:
    """The first rung of the ladder whose estimate fits.

    Raises:
        TrainingError: not even the last one does.
    """
    rung: MemoryPlan | None = plan
    while rung is not None:
        wanted = need(rung)
        if wanted.memory <= free:
            return rung, wanted
        rung = rung.step_down()
    raise TrainingError(
        f"expected {need(plan).memory / GIB:.1f} GiB of memory for this training ({wanted.memory / GIB:.1f} at the least), "
        f"{free / GIB:.1f} are free; choose a smaller base_model"
    )


def check_disk(folder: Path, need: float) -> None:
    """Refuses a training whose artifacts will not fit.

    Raises:
        TrainingError: too little is free where `folder` lies.
    """
    free = shutil.disk_usage(folder).free
    if free < need:
        raise TrainingError(
            f"expected {need / GIB:.1f} GiB of disk for checkpoints, merged models and GGUF files in {folder}, "
            f"{free / GIB:.1f} are free; free the rest"
        )


def free_memory(device: str) -> float:
    """Bytes that this process may still take."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0])
    import psutil

    return float(psutil.virtual_memory().available)


def peak_memory_gib(device: str) -> dict[str, float]:
    """The most this process has held so far."""
    peak = {"peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3)}
    if device == "cuda":
        import torch

        peak["peak_cuda_gib"] = round(torch.cuda.max_memory_allocated() / GIB, 3)
    return peak


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is an allocation that failed, on the GPU or the CPU."""
    if isinstance(error, LLMOpsError):
        return False
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(word in text for word in words))


def descend(
    plan: MemoryPlan, attempt: Callable[[MemoryPlan], Result], say: Callable[[str], None]
) -> tuple[Result, list[dict[str, Any]]]:
    """Calls `attempt`, one rung lower after each out-of-memory. Returns its result and the rungs that were left.

    Raises:
        TrainingError: the last rung does not fit either.
    """
    left: list[dict[str, Any]] = []
    rung: MemoryPlan | None = plan
    while rung is not None:
        try:
            return attempt(rung), left
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            left.append({**rung.to_json(), "error": first_line(error)[:200]})
            lower = rung.step_down()
        release_memory()
        say(f"out of memory with {rung.to_json()}; next: {lower.to_json() if lower else 'nothing smaller'}")
        rung = lower
    raise TrainingError(
        f"expected a training that fits into memory, none of {len(left)} did; choose a smaller base_model"
    )


def first_line(error: BaseException) -> str:
    """What an error says, or what it is where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def release_memory() -> None:
    """Gives back what a failed attempt held."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
