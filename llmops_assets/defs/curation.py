"""The curation assets, with their checks: one step of `pipeline.data` each."""

import dagster as dg

from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.defs.showing import check_specs, code_version, shown
from llmops_assets.pipeline import data as steps
from llmops_assets.resources.placement import op_tags
from llmops_assets.resources.workshop import WorkshopResource


@dg.asset(
    group_name="curation",
    partitions_def=PRODUCTS,
    kinds={"python", "jsonl"},
    code_version=code_version("curated_conversations"),
    op_tags=op_tags("curated_conversations"),
    check_specs=check_specs("curated_conversations"),
)
def curated_conversations(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Conversations that passed every cleaning rule; what did not lies in quarantine with its reason."""
    return shown(steps.curated_conversations, workshop, context)


@dg.asset(
    group_name="curation",
    partitions_def=PRODUCTS,
    kinds={"python", "jsonl"},
    code_version=code_version("eval_dataset"),
    op_tags=op_tags("eval_dataset"),
    check_specs=check_specs("eval_dataset"),
)
def eval_dataset(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """The frozen cases: every set, and the held-out preference pairs."""
    return shown(steps.eval_dataset, workshop, context)


@dg.asset(
    group_name="curation",
    partitions_def=PRODUCTS,
    kinds={"dataset", "jsonl"},
    deps=["curated_conversations", "eval_dataset"],
    code_version=code_version("sft_dataset"),
    op_tags=op_tags("sft_dataset"),
    check_specs=check_specs("sft_dataset"),
)
def sft_dataset(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Train and validation rows, split by group, with the dataset card."""
    return shown(steps.sft_dataset, workshop, context)


@dg.asset(
    group_name="curation",
    partitions_def=PRODUCTS,
    kinds={"dataset", "jsonl"},
    deps=["sft_dataset"],
    code_version=code_version("preference_dataset"),
    op_tags=op_tags("preference_dataset"),
    check_specs=check_specs("preference_dataset"),
)
def preference_dataset(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    """Pairs of a right and a wrong answer, each proven by the scorers."""
    return shown(steps.preference_dataset, workshop, context)
