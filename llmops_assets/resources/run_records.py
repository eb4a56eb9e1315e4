"""Dagster's records of old runs: what the instance keeps of them goes, once newer runs have said the same."""

import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, DagsterRun
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from llmops_assets.pipeline import graph

PARTITION = "dagster/partition"


def old_runs(instance: DagsterInstance, keep: Mapping[str, int]) -> list[DagsterRun]:
    """Ended runs beyond the newest so many of their product, but for those that made what the UI shows as newest.

    Args:
        instance: whose records these are.
        keep: how many runs stay, by product; runs of products that it does not name all stay. "" stands for the runs
            that are about all products.
    """
    newest = {run for product in keep for run in _made_newest(instance, product)}
    by_product: dict[str, list[DagsterRun]] = defaultdict(list)
    for run in instance.get_runs():
        by_product[run.tags.get(PARTITION, "")].append(run)
    return [
        run
        for product, count in keep.items()
        for run in by_product[product][count:]
        if run.is_finished and run.run_id not in newest
    ]


def _made_newest(instance: DagsterInstance, product: str) -> set[str]:
    keys = [AssetKey(node.name) for node in graph.NODES] if product else [AssetKey("product_catalog")]
    filters = [AssetRecordsFilter(key, asset_partitions=[product] if product else None) for key in keys]
    return {record.run_id for each in filters for record in instance.fetch_materializations(each, limit=1).records}


def size_of(instance: DagsterInstance, run: DagsterRun) -> int:
    """Bytes of a run's own files in the instance's folder; rows of shared databases are not counted."""
    files = [file for place in _places(instance, run) for file in ([place] if place.is_file() else place.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def delete_run(instance: DagsterInstance, run: DagsterRun) -> None:
    """Deletes a run's record, its events and its logs."""
    places = _places(instance, run)
    instance.delete_run(run.run_id)
    for place in places:
        # Dagster empties a run's database and leaves the file.
        place.unlink() if place.is_file() else shutil.rmtree(place, ignore_errors=True)


def _places(instance: DagsterInstance, run: DagsterRun) -> list[Path]:
    storage = instance.event_log_storage
    shard = Path(storage.path_for_shard(run.run_id)) if isinstance(storage, SqliteEventLogStorage) else None
    # Beside a database that was open when its process died lie files of the same name with more behind it.
    shards = list(shard.parent.glob(f"{shard.name}*")) if shard else []
    return [*shards, Path(instance.storage_directory()) / run.run_id]
