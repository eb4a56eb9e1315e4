"""Sensors: what they notice orders runs of the whole chain. All come switched off; LLMOPS_AUTOMATION or the UI switches them on."""

import time
from collections.abc import Mapping

import dagster as dg

from llmops_assets.defs.jobs import build_product
from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.resources.run_history import RunHistory
from llmops_assets.resources.workshop import WorkshopResource
from llmops_assets.triggers.data_source import GitBranch
from llmops_assets.triggers.new_data import notice
from llmops_assets.triggers.orders import RunOrder
from llmops_assets.triggers.release_tags import PREFIX, notice_tags, releases
from llmops_assets.triggers.retraining import Decide, by_drift, by_ratings, look
from llmops_assets.triggers.switch import switched_on


def sensor_status(name: str) -> dg.DefaultSensorStatus:
    """Whether a sensor runs from the start."""
    return dg.DefaultSensorStatus.RUNNING if switched_on(name) else dg.DefaultSensorStatus.STOPPED


@dg.sensor(
    job=build_product,
    minimum_interval_seconds=30,
    default_status=sensor_status("data_branch_changed"),
    description="New data on the branch: a run on the data of that commit for each product whose raw data, reviews or cases "
    "changed. Costs a training for each of them (minutes on a GPU, up to hours on a CPU), nothing where only "
    "other files changed. After a failure: re-execute the run, or empty this sensor's cursor to have every "
    "product asked for again.",
)
def data_branch_changed(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult:
    """Orders a run for each product whose data changed."""
    now, runs = workshop.data_source().snapshot(), RunHistory(context.instance)
    products = [shop.product for shop in workshop.all(PRODUCTS.get_partition_keys())]
    found = notice(context.cursor or "", now, products, busy=runs.busy, used=runs.used)
    orders = workshop.orders({new.product: new.reason for new in found.new}, now, runs)
    return _asked(orders, {new.product: new.key for new in found.new}, found.cursor, found.reason)


@dg.sensor(
    job=build_product,
    minimum_interval_seconds=30,
    default_status=sensor_status("release_tagged"),
    description="A version tag: `v1.2.0` releases all products under that version on the data of its commit, "
    "`TaskMaster-v1.2.0` one. Costs an evaluation, a rollout and a bundle for each, and a training where these "
    "data were not trained on yet. Tags that are there when it first looks are left alone, and a tag that is "
    "moved is not released again.",
)
def release_tagged(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult | dg.SkipReason:
    """Orders the releases that new version tags name."""
    source = workshop.data_source()
    if not isinstance(source, GitBranch):
        return dg.SkipReason(
            "no repository to look for tags in: LLMOPS_DATA_REPOSITORY and LLMOPS_DATA_BRANCH are not set"
        )
    shops = workshop.all(PRODUCTS.get_partition_keys())
    found = notice_tags(context.cursor or "", source.mirror.refs(f"{PREFIX}*"), [shop.product for shop in shops])
    wanted = releases(source, found.new, shops)
    requests = [_request(release.product, release.order, release.key) for release in wanted]
    return dg.SensorResult(run_requests=requests, cursor=found.cursor, skip_reason=None if requests else found.reason)


@dg.sensor(
    job=build_product,
    minimum_interval_seconds=300,
    default_status=sensor_status("drift_detected"),
    description="Critical drift in the last drift report that training could mend, at most once in `drift.cool_down_hours` a "
    "product. Costs a training where data or recipe changed since the last green run. Else all is cached, for the "
    "same data give the same model: add data that look like the new traffic. It needs hourly_drift, or somebody "
    "who runs drift_report.",
)
def drift_detected(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult:
    """Orders a run where drift is critical."""
    return _retrained(context, workshop, by_drift)


@dg.sensor(
    job=build_product,
    minimum_interval_seconds=300,
    default_status=sensor_status("feedback_ready"),
    description="Enough ratings at the gateway, too few of them good (`thresholds.quality`), at most once in "
    "`drift.cool_down_hours`. Costs what drift_detected costs, and as there the same data give the same model.",
)
def feedback_ready(context: dg.SensorEvaluationContext, workshop: WorkshopResource) -> dg.SensorResult:
    """Orders a run where users rate the answers badly."""
    return _retrained(context, workshop, by_ratings)


def _retrained(context: dg.SensorEvaluationContext, workshop: WorkshopResource, decide: Decide) -> dg.SensorResult:
    now, shops = workshop.data_source().snapshot(), workshop.all(PRODUCTS.get_partition_keys())
    found = look(shops, now, context.cursor or "", decide, time.time())
    orders = workshop.orders(found.reasons, now, RunHistory(context.instance))
    return _asked(orders, {}, found.cursor, found.others)


def _asked(orders: Mapping[str, RunOrder], keys: Mapping[str, str], cursor: str, reason: str) -> dg.SensorResult:
    requests = [_request(product, order, keys.get(product)) for product, order in orders.items()]
    return dg.SensorResult(run_requests=requests, cursor=cursor, skip_reason=None if requests else reason)


def _request(product: str, order: RunOrder, key: str | None) -> dg.RunRequest:
    return dg.RunRequest(run_key=key, partition_key=product, tags=order.tags)
