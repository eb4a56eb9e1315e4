"""What came of backfills whose own status says nothing: product by product, with the gates and the errors."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from llmops_assets.resources.backfills import NOT_BEGUN, BackfillEnd, ProductEnd, last_backfills

NAMES = ["Broken", "Cancelled", "Green", "Red", "Waiting", "Warned"]
PRODUCTS = dg.StaticPartitionsDefinition(NAMES)


def spec(name: str, *, blocking: bool) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset="report", blocking=blocking, partitions_def=PRODUCTS)


@dg.asset(partitions_def=PRODUCTS, check_specs=[spec("is_right", blocking=True), spec("is_nice", blocking=False)])
def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Red, broken or green as its product's name says."""
    product = context.partition_key
    if product == "Broken":
        raise ValueError("the disk is gone")
    right = dg.AssetCheckResult(passed=product != "Red", check_name="is_right", description="accuracy 0.5, wanted 0.8")
    nice = dg.AssetCheckResult(
        passed=product != "Warned", check_name="is_nice", description="0.1", severity=dg.AssetCheckSeverity.WARN
    )
    return dg.MaterializeResult(check_results=[right, nice])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def add_backfill(instance: DagsterInstance, name: str, products: list[str], at: float) -> None:
    instance.add_backfill(
        PartitionBackfill(
            backfill_id=name,
            status=BulkActionStatus.COMPLETED_SUCCESS,
            from_failure=False,
            tags={},
            backfill_timestamp=at,
            partition_names=products,
        )
    )


def run(instance: DagsterInstance, backfill: str, product: str) -> str:
    tags = {"dagster/backfill": backfill}
    done = dg.materialize([report], partition_key=product, instance=instance, tags=tags, raise_on_error=False)
    return done.run_id


def only(instance: DagsterInstance) -> BackfillEnd:
    (found,) = last_backfills(instance, 1)
    return found


def test_each_product_has_its_own_end_and_the_reasons_for_it(instance: DagsterInstance) -> None:
    add_backfill(instance, "mixed", NAMES, 0.0)
    runs = {product: run(instance, "mixed", product) for product in ("Broken", "Green", "Red", "Warned")}
    runs["Cancelled"] = instance.create_run_for_job(
        dg.Definitions([report]).resolve_implicit_global_asset_job_def(),
        tags={"dagster/backfill": "mixed", "dagster/partition": "Cancelled"},
        status=DagsterRunStatus.CANCELED,
    ).run_id
    found = only(instance)
    assert found.products == (
        ProductEnd("Broken", "failed", ("report: the disk is gone",), runs["Broken"]),
        ProductEnd("Cancelled", "cancelled", (), runs["Cancelled"]),
        ProductEnd("Green", "green", (), runs["Green"]),
        ProductEnd("Red", "failed", ("red: report: is_right: accuracy 0.5, wanted 0.8",), runs["Red"]),
        ProductEnd("Waiting", NOT_BEGUN),
        ProductEnd("Warned", "green", ("warning: report: is_nice: 0.1",), runs["Warned"]),
    )
    assert not found.green
    assert next(iter(found.lines())) == "mixed of 1970-01-01 00:00 UTC: 2 of 6 green; Dagster says COMPLETED_SUCCESS"


def test_a_second_try_in_the_same_backfill_counts(instance: DagsterInstance) -> None:
    add_backfill(instance, "tried", ["Green"], 0.0)
    instance.create_run_for_job(
        dg.Definitions([report]).resolve_implicit_global_asset_job_def(),
        tags={"dagster/backfill": "tried", "dagster/partition": "Green"},
        status=DagsterRunStatus.FAILURE,
    )
    run(instance, "tried", "Green")
    assert only(instance).green


def test_the_newest_come_first_and_no_more_than_asked_for(instance: DagsterInstance) -> None:
    for number in range(3):
        add_backfill(instance, f"number {number}", ["Green"], float(number))
    assert [each.id for each in last_backfills(instance, 2)] == ["number 2", "number 1"]


def test_a_backfill_that_nothing_came_of_is_not_green(instance: DagsterInstance) -> None:
    add_backfill(instance, "empty", [], 0.0)
    assert not only(instance).green
