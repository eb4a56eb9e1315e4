"""Launches assets of the real definitions in this process, as the UI does with a selection, and says what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from llmops_assets.definitions import defs


@dataclass(frozen=True)
class Launched:
    """One finished run: the assets it materialised, and why steps failed."""

    success: bool
    materialised: frozenset[str]
    errors: dict[str, str]


def launch_job(job: str, product: str) -> Launched:
    """Runs a job for one product."""
    return _run(defs().resolve_job_def(job), product, None)


def launch_assets(assets: Sequence[str], product: str, tags: Mapping[str, str] | None = None) -> Launched:
    """Runs a selection of assets for one product, and nothing above or below them."""
    keys = [dg.AssetKey(asset) for asset in assets]
    return _run(defs().resolve_implicit_global_asset_job_def(), product, keys, tags)


def _run(
    job: dg.JobDefinition, product: str, keys: list[dg.AssetKey] | None, tags: Mapping[str, str] | None = None
) -> Launched:
    with dg.instance_for_test() as instance:
        done = job.execute_in_process(
            asset_selection=keys, partition_key=product, instance=instance, raise_on_error=False, tags=tags
        )
    made = [event.asset_key for event in done.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    failures = [event for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    return Launched(
        done.success,
        frozenset(key.to_user_string() for key in made if key is not None),
        {str(event.step_key): str(event.step_failure_data.error) for event in failures},
    )
