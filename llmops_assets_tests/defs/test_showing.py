"""What a step's values and its error become for Dagster."""

from pathlib import Path

import dagster as dg

from llmops_assets.defs.showing import metadata_value, shown
from llmops_assets.errors import StoreError
from llmops_assets.pipeline.workshop import Made, Workshop
from llmops_assets.resources.workshop import WorkshopResource
from llmops_assets.storage.artifact import Artifact


def refused(shop: Workshop) -> Made:
    raise StoreError(f"expected room for {shop.product}, got none")


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["TaskMaster"]), retry_policy=dg.RetryPolicy(max_retries=2))
def refused_asset(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> dg.MaterializeResult:
    return shown(refused, workshop, context)


def test_what_a_step_raises_is_not_tried_again_where_lost_steps_are() -> None:
    done = dg.materialize(
        [refused_asset], resources={"workshop": WorkshopResource()}, partition_key="TaskMaster", raise_on_error=False
    )
    kinds = [event.event_type_value for event in done.all_events]
    assert "STEP_UP_FOR_RETRY" not in kinds
    (failed,) = (event for event in done.all_events if event.event_type_value == "STEP_FAILURE")
    assert "expected room for TaskMaster, got none" in failed.step_failure_data.error.message


def test_counts_by_name_are_a_table_and_nested_values_stay_json(tmp_path: Path) -> None:
    artifact = Artifact("sft_dataset", "TaskMaster", "0" * 64, "key", {}, 1.0, 1, tmp_path)
    counts = metadata_value(artifact, "categories", {"create": 2, "share": 0.123456789, "closed": True})
    assert [record.data for record in counts.records] == [
        {"name": "create", "value": "2"},
        {"name": "share", "value": "0.123457"},
        {"name": "closed", "value": "True"},
    ]
    assert isinstance(metadata_value(artifact, "nested", {"a": {"b": 1}}), dg.JsonMetadataValue)
