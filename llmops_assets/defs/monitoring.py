"""The monitoring assets, with their checks: one step of `pipeline.monitoring` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import monitoring as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="monitoring",
    partitions_def=PRODUCTS,
    kinds={"prometheus", "grafana"},
    deps=["ollama_deployment", "eval_report"],
    code_version=code_version("monitoring_profile"),
    op_tags=op_tags("monitoring_profile"),
    check_specs=check_specs("monitoring_profile"),
)
def monitoring_profile(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Baseline, alert rules, routes, dashboards and runbooks that an operator loads."""
    return shown(steps.monitoring_profile, workshop, context)


@dg.asset(
    group_name="monitoring",
    partitions_def=PRODUCTS,
    kinds={"report"},
    deps=["monitoring_profile"],
    code_version=code_version("drift_report"),
    op_tags=op_tags("drift_report"),
    check_specs=check_specs("drift_report"),
)
def drift_report(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Recent requests against the baseline; too little data is a state of its own."""
    return shown(steps.drift_report, workshop, context)
