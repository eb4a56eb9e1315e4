"""Schedules; all come switched off and are switched on in the UI."""

import dagster as dg

from llmops_assets.defs.jobs import build_product
from llmops_assets.defs.partitions import PRODUCTS


@dg.schedule(job=build_product, cron_schedule="0 3 * * 1", default_status=dg.DefaultScheduleStatus.STOPPED)
def weekly_retraining(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Mondays at three: one run a product. Costs nothing where data and recipe are unchanged: every asset says cached."""
    week = context.scheduled_execution_time.strftime("%G-W%V")
    return [
        dg.RunRequest(run_key=f"{week}:{product}", partition_key=product) for product in PRODUCTS.get_partition_keys()
    ]
