"""Who is to be trained again without new data having called for it: by the calendar, by drift, by ratings.

The cursor: {"TaskMaster": 1790000000.0}, when a product was last asked for, in seconds since the epoch.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from llmops_assets.monitoring.drift import DriftReport
from llmops_assets.monitoring.retraining import RetrainingDecision, decide_retraining
from llmops_assets.pipeline.monitoring import ratings
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage import atomic
from llmops_assets.triggers.data_source import Snapshot
from llmops_assets.triggers.ordering import inputs_of
from llmops_assets.triggers.orders import RunOrder

Decide = Callable[[Workshop, float | None, float], RetrainingDecision]
"""(product, when it was last asked for, now) -> whether it is to be trained."""
HIGH = ("warning", "critical")


@dataclass(frozen=True)
class Wanted:
    """Product -> why it is to be trained, what is known afterwards, and why the others are not."""

    reasons: dict[str, str]
    cursor: str
    others: str


def look(shops: Sequence[Workshop], data: Snapshot, cursor: str, decide: Decide, now: float) -> Wanted:
    """Decides for every product; one without data is not trained."""
    before: dict[str, float] = json.loads(cursor) if cursor else {}
    found = {
        shop.product: decide(shop, before.get(shop.product), now)
        if shop.product in data.trees
        else RetrainingDecision(False, f"no data in {data.place}")
        for shop in shops
    }
    reasons = {product: decision.reason for product, decision in found.items() if decision.wanted}
    others = "; ".join(f"{product}: {decision.reason}" for product, decision in found.items() if not decision.wanted)
    return Wanted(reasons, json.dumps(before | dict.fromkeys(reasons, now), sort_keys=True), others)


def newest_drift(shop: Workshop) -> DriftReport | None:
    """The last drift report; None where there is none."""
    artifact = shop.store.find("drift_report", shop.product)
    return None if artifact is None else DriftReport.from_dict(atomic.read_json(artifact.file("drift.json")))


def by_drift(shop: Workshop, last: float | None, now: float) -> RetrainingDecision:
    """Critical drift that training could mend asks, by the recipe's levels and cool-down."""
    report = newest_drift(shop)
    if report is None:
        return RetrainingDecision(False, "no drift report yet")
    return decide_retraining(report, shop.recipe.monitoring.drift, last_requested_at=last, now=now)


def by_ratings(shop: Workshop, last: float | None, now: float) -> RetrainingDecision:
    """Too few good ratings ask, of as many as prove a rate: `monitoring.thresholds` quality and minimum_requests.

    Counted are ratings of what was deployed last, since it was last asked for; the cool-down is that of drift.
    """
    if shop.store.find("ollama_deployment", shop.product) is None:
        return RetrainingDecision(False, "never deployed")
    limits, rest = shop.recipe.monitoring.thresholds, shop.recipe.monitoring.drift.cool_down_hours * 3600
    given = [row["positive"] for row in ratings(shop) if datetime.fromisoformat(row["time"]).timestamp() > (last or 0)]
    if len(given) < limits.minimum_requests:
        return RetrainingDecision(False, f"{len(given)} of {limits.minimum_requests} ratings that tell something")
    share = sum(given) / len(given)
    said = f"{share:.0%} of {len(given)} ratings are good, wanted {limits.quality:.0%}"
    if share >= limits.quality:
        return RetrainingDecision(False, said)
    if last is not None and now < last + rest:
        return RetrainingDecision(False, f"{said}, cooling down for {(last + rest - now) / 3600:.1f} h more")
    return RetrainingDecision(True, said)


def weekly(shops: Sequence[Workshop], now: Snapshot, last_green: Callable[[str], RunOrder]) -> Wanted:
    """By the calendar: products whose data or recipe are not those of their last green run, or whose drift is high."""

    def by_calendar(shop: Workshop, last: float | None, time: float) -> RetrainingDecision:
        del last, time
        inputs = inputs_of(shop.recipe, now.trees[shop.product])
        return _by_calendar(newest_drift(shop), unchanged=inputs == last_green(shop.product).inputs)

    return look(shops, now, "", by_calendar, 0.0)


def _by_calendar(report: DriftReport | None, *, unchanged: bool) -> RetrainingDecision:
    drift = "not measured" if report is None else report.state
    if not unchanged:
        return RetrainingDecision(True, "weekly: data or recipe are not those of the last green run")
    if drift in HIGH:
        return RetrainingDecision(True, f"weekly: drift is {drift}")
    return RetrainingDecision(False, f"data and recipe are those of the last green run, drift is {drift}")


def is_watched(shop: Workshop) -> bool:
    """Whether there is a baseline to compare a product's requests with."""
    return shop.store.find("monitoring_profile", shop.product) is not None
