"""The export assets, with their checks: one step of `pipeline.export` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import export as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="export",
    partitions_def=PRODUCTS,
    kinds={"gguf", "llama"},
    deps=["dpo_model", "sft_dataset"],
    code_version=code_version("gguf_model"),
    op_tags=op_tags("gguf_model"),
    check_specs=check_specs("gguf_model"),
)
def gguf_model(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The one file that ships: quantised as far as its answers stay those of F16, read back and verified."""
    return shown(steps.gguf_model, workshop, context)
