"""What starts runs by itself once it is switched on: the data folders' sensor and the weekly schedule."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from llmops_assets.definitions import defs
from llmops_assets.defs.schedules import weekly_retraining
from llmops_assets.defs.sensors import data_folder_changed
from llmops_assets_tests.tiny_project import TinyProject

PRODUCTS = {"TaskMaster", "CodeReviewer", "DocWriter"}


def tick(cursor: str | None) -> tuple[dict[str, dg.RunRequest], str]:
    """Product -> what a tick of the sensor asks for, and the cursor after it."""
    context = dg.build_sensor_context(cursor=cursor, repository_def=defs().get_repository_def())
    result = data_folder_changed.evaluate_tick(context)
    return {str(request.partition_key): request for request in result.run_requests or ()}, str(result.cursor or cursor)


def test_the_sensor_asks_for_each_product_whose_folder_changed(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_project.enter(monkeypatch)
    first, cursor = tick(None)
    assert set(first) == PRODUCTS
    unchanged, cursor = tick(cursor)
    assert unchanged == {}
    tiny_project.add_row("DocWriter", "enumerate whatever Zoe promised us lately")
    changed, cursor = tick(cursor)
    assert set(changed) == {"DocWriter"}
    assert tick(cursor)[0] == {}


def test_the_way_back_to_older_data_is_a_change_too(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a request has no run key: Dagster runs a key once and never again."""
    tiny_project.enter(monkeypatch)
    _, cursor = tick(None)
    tiny_project.add_row("DocWriter", "enumerate whatever Zoe promised us lately")
    there, cursor = tick(cursor)
    (tiny_project.root / "data" / "raw" / "DocWriter" / "rows_more.jsonl").unlink()
    back, _ = tick(cursor)
    assert there["DocWriter"].tags != back["DocWriter"].tags
    assert (there["DocWriter"].run_key, back["DocWriter"].run_key) == (None, None)


def test_the_schedule_asks_for_one_run_a_product_and_week() -> None:
    monday = datetime(2026, 11, 23, 3, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=monday, repository_def=defs().get_repository_def())
    requests = weekly_retraining.evaluate_tick(context).run_requests or ()
    products = {str(request.partition_key) for request in requests}
    assert products >= PRODUCTS
    assert {request.run_key for request in requests} == {f"2026-W48:{product}" for product in products}
