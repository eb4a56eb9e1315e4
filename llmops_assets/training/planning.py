"""Which memory plan a training starts with: the first rung of the ladder whose estimate fits what is free."""

from dataclasses import dataclass, replace
from pathlib import Path

from llmops_assets.console import say
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.training import memory
from llmops_assets.training.backends import Backend
from llmops_assets.training.memory import MemoryPlan


@dataclass(frozen=True)
class Load:
    """What a step holds: the longest row, its most trained tokens, examples a step, and rows of an example."""

    longest: int
    trained: int
    batch: int
    rows: int = 1


def plan_memory(
    folder: Path, recipe: TrainingConfig, backend: Backend, load: Load
) -> tuple[MemoryPlan, memory.Estimate]:
    """The plan that fits, and what it will take.

    Raises:
        TrainingError: nothing fits.
    """
    shape = memory.shape_of(folder)
    weight_bytes = 0.7 if backend.library == "unsloth" else 2.0 if backend.dtype == "bfloat16" else 4.0
    if backend.products == "bfloat16":
        weight_bytes += 2.0
    plan = MemoryPlan(load.batch, 1, checkpointing=False, max_length=recipe.max_length, rank=recipe.lora.rank)

    def need(rung: MemoryPlan) -> memory.Estimate:
        held = replace(rung, micro_batch=rung.micro_batch * load.rows)
        return memory.estimate(shape, held, load.longest, load.trained, weight_bytes)

    chosen, sizes = memory.fitting_plan(plan, need, memory.free_memory(backend.device))
    if chosen != plan:
        say(f"memory: {plan.to_json()} will not fit, starting with {chosen.to_json()}")
    return chosen, sizes
