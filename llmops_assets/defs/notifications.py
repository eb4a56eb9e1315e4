"""What is told to people: three sensors that start nothing. All come switched off; LLMOPS_AUTOMATION or the UI switches them on."""

import dagster as dg

from llmops_assets.defs.sensors import sensor_status
from llmops_assets.notifying.noticing import Look, red_gates, releases
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.resources.failed_runs import failed_steps
from llmops_assets.resources.notifier import NotifierResource


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=sensor_status("run_failed"),
    description="A step of a product's run failed, or its run died: one message, and one when that step is built again. "
    "Costs a look at the last ten failed runs of each product; starts nothing. A red gate is gate_failed's to tell.",
)
def run_failed(context: dg.SensorEvaluationContext, notifier: NotifierResource) -> dg.SkipReason:
    """Tells of steps that failed and were not built since."""

    def failures(shop: Workshop) -> Look:
        steps = failed_steps(context.instance, shop.product)
        told = {step.name: f"{step.name}: {step.reason} (run {step.run_id[:8]})" for step in steps}
        page = f"/runs/{steps[0].run_id}" if steps else "/runs"
        return Look("run_failed", shop.product, shop.recipe.product.version, told, page=page)

    return dg.SkipReason(notifier.tell("run_failed", failures, context.log.warning))


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=sensor_status("gate_failed"),
    description="A blocking gate of a product's newest artifacts is red: one message with the numbers, and one when it is "
    "green again. Costs reading each product's verdict files; starts nothing. It sees what the command line built, too.",
)
def gate_failed(context: dg.SensorEvaluationContext, notifier: NotifierResource) -> dg.SkipReason:
    """Tells of blocking gates that are red."""
    return dg.SkipReason(notifier.tell("gate_failed", red_gates, context.log.warning))


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=sensor_status("version_released"),
    description="A version of a product went into production, or was taken back: one message with its gates. "
    "Costs reading one small file a product; starts nothing. What was released before it first looked is no news.",
)
def version_released(context: dg.SensorEvaluationContext, notifier: NotifierResource) -> dg.SkipReason:
    """Tells of releases and rollbacks."""
    return dg.SkipReason(notifier.tell("version_released", releases, context.log.info))
