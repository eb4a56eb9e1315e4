"""The training assets, with their checks: one step of `pipeline.training` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import training as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="training",
    partitions_def=PRODUCTS,
    kinds={"pytorch", "huggingface"},
    deps=["sft_dataset", "eval_dataset"],
    pool="training",
    code_version=code_version("guard_model"),
    op_tags=op_tags("guard_model"),
    check_specs=check_specs("guard_model"),
)
def guard_model(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The classifier that stands in front of the model, or rules only where the recipe asks for none."""
    return shown(steps.guard_model, workshop, context)


@dg.asset(
    group_name="training",
    partitions_def=PRODUCTS,
    kinds={"pytorch", "huggingface"},
    deps=["sft_dataset"],
    pool="training",
    code_version=code_version("sft_adapter"),
    op_tags=op_tags("sft_adapter"),
    check_specs=check_specs("sft_adapter"),
)
def sft_adapter(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The LoRA adapter of supervised fine-tuning, with its curves and one rendered row with its loss mask."""
    return shown(steps.sft_adapter, workshop, context)


@dg.asset(
    group_name="training",
    partitions_def=PRODUCTS,
    kinds={"pytorch", "huggingface"},
    deps=["sft_adapter"],
    pool="training",
    code_version=code_version("merged_model"),
    op_tags=op_tags("merged_model"),
    check_specs=check_specs("merged_model"),
)
def merged_model(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Adapter and base in one full-precision model, proven equal to the adapter and different from the base."""
    return shown(steps.merged_model, workshop, context)


@dg.asset(
    group_name="training",
    partitions_def=PRODUCTS,
    kinds={"pytorch", "huggingface"},
    deps=["merged_model", "preference_dataset", "sft_dataset"],
    pool="training",
    code_version=code_version("dpo_model"),
    op_tags=op_tags("dpo_model"),
    check_specs=check_specs("dpo_model"),
)
def dpo_model(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The merged model after direct preference optimisation, merged again."""
    return shown(steps.dpo_model, workshop, context)
