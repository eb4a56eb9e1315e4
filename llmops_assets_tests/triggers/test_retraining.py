"""Ratings ask for a retraining where they prove that too few are good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.deployment.line_log import append_line
from llmops_assets.pipeline.graph import example_recipe
from llmops_assets.pipeline.traffic import feedback_log
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.project import Project
from llmops_assets.storage.atomic import write_json
from llmops_assets.triggers.retraining import by_ratings

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = 3600.0


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A product whose version 0.1.0 serves."""
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMOPS_STORE", str(tmp_path / "artifacts"))
    made = Workshop(Project(tmp_path), example_recipe(), lambda _: None)

    def make(work: Path) -> dict[str, Any]:
        write_json(work / "deployment.json", 1)
        return metadata({}, version="0.1.0")

    made.store.build("ollama_deployment", made.product, inputs={}, settings=1, code_version="1", make=make)
    return made


def rate(shop: Workshop, *, good: int, bad: int, version: str = "0.1.0", hours_ago: float = 1) -> None:
    """Ratings as the gateway logs them."""
    at = (NOW - timedelta(hours=hours_ago)).isoformat(timespec="seconds")
    for number in range(good + bad):
        row = {"time": at, "version": version, "positive": number < good}
        append_line(feedback_log(shop.project, shop.product), row)


@pytest.mark.parametrize(
    ("given", "last_hours_ago", "wanted", "reason"),
    [
        ({"good": 5, "bad": 14}, None, False, "19 of 20 ratings that tell something"),
        ({"good": 15, "bad": 5}, None, False, "75% of 20 ratings are good, wanted 70%"),
        ({"good": 0, "bad": 40, "version": "0.0.9"}, None, False, "0 of 20 ratings that tell something"),
        ({"good": 13, "bad": 7}, None, True, "65% of 20 ratings are good, wanted 70%"),
        ({"good": 0, "bad": 20, "hours_ago": 100}, 99, False, "0 of 20 ratings that tell something"),
        ({"good": 0, "bad": 20}, 70, False, "0% of 20 ratings are good, wanted 70%, cooling down for 2.0 h more"),
        ({"good": 0, "bad": 20}, 72, True, "0% of 20 ratings are good, wanted 70%"),
    ],
)
def test_ratings_of_what_serves_are_judged(
    shop: Workshop, given: dict[str, Any], last_hours_ago: float | None, wanted: bool, reason: str
) -> None:
    rate(shop, **given)
    now = NOW.timestamp()
    found = by_ratings(shop, None if last_hours_ago is None else now - last_hours_ago * HOUR, now)
    assert (found.wanted, found.reason) == (wanted, reason)


def test_a_product_that_was_never_deployed_has_no_ratings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_STORE", str(tmp_path / "artifacts"))
    shop = Workshop(Project(tmp_path), example_recipe(), lambda _: None)
    assert by_ratings(shop, None, 0.0).reason == "never deployed"
