"""The evaluation assets, with their checks: one step of `pipeline.evaluation` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import evaluation as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="evaluation",
    partitions_def=PRODUCTS,
    kinds={"report", "deepeval"},
    deps=["gguf_model", "guard_model", "eval_dataset"],
    code_version=code_version("eval_report"),
    op_tags=op_tags("eval_report"),
    check_specs=check_specs("eval_report"),
)
def eval_report(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """What the shipped file scores through the serving stack, with n, intervals and every failing case."""
    return shown(steps.eval_report, workshop, context)
