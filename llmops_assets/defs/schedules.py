"""Schedules. All come switched off; LLMOPS_AUTOMATION or the UI switches them on."""

import dagster as dg

from llmops_assets.defs.jobs import build_product, measure_drift
from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.resources.run_history import RunHistory
from llmops_assets.resources.workshop import WorkshopResource
from llmops_assets.triggers.retraining import is_watched, weekly
from llmops_assets.triggers.switch import switched_on


def _status(name: str) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if switched_on(name) else dg.DefaultScheduleStatus.STOPPED


@dg.schedule(
    job=build_product,
    cron_schedule="0 3 * * 1",
    default_status=_status("weekly_retraining"),
    description="Mondays at three: a run for each product whose data or recipe changed since its last green run, or whose "
    "drift is high. Costs a training for each of them. The others are skipped, with the reason.",
)
def weekly_retraining(
    context: dg.ScheduleEvaluationContext, workshop: WorkshopResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Orders the weekly runs."""
    now, runs = workshop.data_source().snapshot(), RunHistory(context.instance)
    found = weekly(workshop.all(PRODUCTS.get_partition_keys()), now, runs.last_green)
    if not found.reasons:
        return dg.SkipReason(found.others)
    context.log.info(f"skipped: {found.others or 'no product'}")
    week = context.scheduled_execution_time.strftime("%G-W%V")
    return [
        dg.RunRequest(run_key=f"{week}:{product}", partition_key=product, tags=order.tags)
        for product, order in workshop.orders(found.reasons, now, runs).items()
    ]


@dg.schedule(
    job=measure_drift,
    cron_schedule="5 * * * *",
    default_status=_status("hourly_drift"),
    description="Every hour: the drift report of each product that is deployed. Costs seconds, and no training.",
)
def hourly_drift(
    context: dg.ScheduleEvaluationContext, workshop: WorkshopResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Orders the hourly drift reports."""
    runs, shops = RunHistory(context.instance), workshop.all(PRODUCTS.get_partition_keys())
    # A run waits while the product is trained; one that waits is enough.
    due = [shop.product for shop in shops if is_watched(shop) and not runs.busy(shop.product, measure_drift.name)]
    hour = context.scheduled_execution_time.strftime("%Y-%m-%dT%H")
    requests = [dg.RunRequest(run_key=f"{hour}:{product}", partition_key=product) for product in due]
    return requests or dg.SkipReason("no product has a monitoring profile that is not being measured already")
