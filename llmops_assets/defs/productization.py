"""The productization assets, with their checks: one step of `pipeline.productization` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import productization as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="productization",
    partitions_def=PRODUCTS,
    kinds={"file"},
    deps=["ollama_deployment", "monitoring_profile", "eval_report", "gguf_model", "guard_model", "sft_dataset"],
    code_version=code_version("product_bundle"),
    op_tags=op_tags("product_bundle"),
    check_specs=check_specs("product_bundle"),
)
def product_bundle(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The signed archive that a buyer unpacks and runs."""
    return shown(steps.product_bundle, workshop, context)


@dg.asset(group_name="productization", kinds={"report"}, deps=["product_bundle"], code_version="1")
def product_catalog(workshop: WorkshopResource) -> dg.MaterializeResult:
    """The static page of all products: versions, measured quality, gates, prices, and prices of bundles."""
    return dg.MaterializeResult(metadata=steps.product_catalog(workshop.project()))
