"""What came of backfills: Dagster's own status says that one is completed, not that its products are green."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.execution.backfill import PartitionBackfill

from llmops_assets.resources.failed_runs import causes
from llmops_assets.resources.run_records import PARTITION

NOT_BEGUN = "no run yet"
ENDS = {
    DagsterRunStatus.SUCCESS: "green",
    DagsterRunStatus.FAILURE: "failed",
    DagsterRunStatus.CANCELED: "cancelled",
}


@dataclass(frozen=True)
class ProductEnd:
    """How a product came out of a backfill.

    Attributes:
        end: `green`, `failed`, `cancelled`, or that it still waits or runs.
        details: a line each: red gates with their numbers, errors, warnings.
        run_id: of its last run in the backfill; empty where there is none.
    """

    product: str
    end: str
    details: tuple[str, ...] = ()
    run_id: str = ""


@dataclass(frozen=True)
class BackfillEnd:
    """A backfill and what came of each of its products.

    Attributes:
        asked: when it was launched, seconds since 1970.
        dagster_status: what the UI shows of it.
        error: why Dagster gave it up; empty where it did not.
    """

    id: str
    asked: float
    dagster_status: str
    error: str
    products: tuple[ProductEnd, ...]

    @property
    def green(self) -> bool:
        """Whether every product that it was asked for came out green."""
        return bool(self.products) and all(product.end == "green" for product in self.products)

    def lines(self) -> Iterator[str]:
        """All of it for a person."""
        asked = datetime.fromtimestamp(self.asked, UTC)
        count = sum(product.end == "green" for product in self.products)
        said = f"{count} of {len(self.products)} green; Dagster says {self.dagster_status}"
        yield f"{self.id} of {asked:%Y-%m-%d %H:%M} UTC: {said}{f': {self.error}' if self.error else ''}"
        for product in self.products:
            yield f"  {product.product:<14} {product.end}"
            yield from (f"    {line}" for line in product.details)


def last_backfills(instance: DagsterInstance, count: int) -> list[BackfillEnd]:
    """The last backfills, the newest first."""
    return [_backfill(instance, each) for each in instance.get_backfills(limit=count)]


def _backfill(instance: DagsterInstance, backfill: PartitionBackfill) -> BackfillEnd:
    runs = instance.get_runs(RunsFilter.for_backfill(backfill.backfill_id))
    last = {run.tags[PARTITION]: run for run in reversed(runs) if PARTITION in run.tags}
    return BackfillEnd(
        id=backfill.backfill_id,
        asked=backfill.backfill_timestamp,
        dagster_status=backfill.status.value,
        error=" ".join(backfill.error.message.split()) if backfill.error else "",
        products=tuple(_product(instance, name, last.get(name)) for name in sorted({*_asked_for(backfill), *last})),
    )


def _asked_for(backfill: PartitionBackfill) -> Iterable[str]:
    if backfill.asset_backfill_data is None:
        return backfill.partition_names or ()
    subsets = backfill.asset_backfill_data.target_subset.partitions_subsets_by_asset_key.values()
    return {str(key) for subset in subsets for key in subset.get_partition_keys()}


def _product(instance: DagsterInstance, product: str, run: DagsterRun | None) -> ProductEnd:
    if run is None:
        return ProductEnd(product, NOT_BEGUN)
    details = _gates(instance, run.run_id)
    if run.status == DagsterRunStatus.FAILURE:
        details += [f"{step.name}: {step.reason}" for step in causes(instance, run)]
    return ProductEnd(product, ENDS.get(run.status, run.status.value.casefold()), tuple(details), run.run_id)


def _gates(instance: DagsterInstance, run_id: str) -> list[str]:
    """The gates of a run that are not green, with their numbers."""
    found = []
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        event = entry.dagster_event
        check = event.asset_check_evaluation_data if event is not None else None
        if check is not None and not check.passed:
            kind = "red" if check.severity == AssetCheckSeverity.ERROR else "warning"
            found.append(f"{kind}: {check.asset_key.to_user_string()}: {check.check_name}: {check.description}")
    return found
