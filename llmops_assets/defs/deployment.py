"""The deployment assets, with their checks: one step of `pipeline.deployment` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import deployment as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="deployment",
    partitions_def=PRODUCTS,
    kinds={"ollama"},
    deps=["eval_report", "gguf_model", "guard_model"],
    code_version=code_version("ollama_deployment"),
    op_tags=op_tags("ollama_deployment"),
    check_specs=check_specs("ollama_deployment"),
)
def ollama_deployment(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The judged file behind Ollama's API as `:production`, with `:previous` kept for the way back."""
    return shown(steps.ollama_deployment, workshop, context)
