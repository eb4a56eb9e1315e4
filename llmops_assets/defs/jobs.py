"""The jobs: the whole chain for one product, one job a stage, and the catalogue of all products."""

import dagster as dg

from llmops_assets.defs.partitions import RECIPES
from llmops_assets.pipeline import graph
from llmops_assets.resources.executors import lost_step_policy

WHOLE = [node.name for node in graph.NODES]
BROKEN = "".join(f" {product} cannot run: {message}." for product, message in RECIPES.broken.items())
"""Stands in the description of the job, so that the UI shows it before anybody starts one."""

build_product = dg.define_asset_job(
    "build_product",
    selection=dg.AssetSelection.assets(*WHOLE),
    description="Raw data to a served, monitored, packaged model of one product. Gates between; nothing unchanged is done twice."
    + BROKEN,
    op_retry_policy=lost_step_policy(),
)
stage_jobs = [
    dg.define_asset_job(
        f"build_{stage}",
        selection=dg.AssetSelection.assets(*[node.name for node in graph.NODES if node.stage == stage]),
        description=f"Only the {stage} stage of one product; gates of what it consumes still hold.",
        op_retry_policy=lost_step_policy(),
    )
    for stage in graph.STAGES
]
measure_drift = dg.define_asset_job(
    "measure_drift",
    selection=dg.AssetSelection.assets("drift_report"),
    description="Only the drift report of one product: recent requests against the baseline of what is deployed.",
)
update_catalog = dg.define_asset_job(
    "update_catalog",
    selection=dg.AssetSelection.assets("product_catalog"),
    description="The catalogue page of all products, as their bundles stand now.",
)
