"""Whether a model counts as ready, by a stand-in that hangs where the script says so; and whose a rating is."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from llmops_assets.deployment.answering import ServedProduct
from llmops_assets.deployment.door import Door, Limits
from llmops_assets.deployment.gateway import Gateway
from llmops_assets.guard.guarding import Guard
from llmops_assets.monitoring.metrics import ProductMetrics
from llmops_assets.pipeline.traffic import ProductTraffic
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks.registry import get_task
from llmops_assets_tests.deployment.scripted_server import Line, Scripted, scripted_server

HELLO = Line("Hello")


def door(server: Scripted, folder: Path, timeout_s: float = 30) -> Door:
    product = ServedProduct("m", get_task("command"), Guard(None), server.url, "m:production", 512)
    traffic = ProductTraffic("m", "/task", folder / "m.jsonl", folder / "rated.jsonl", ProductMetrics(), print)
    return Door(product, traffic, limits=Limits(timeout_s=timeout_s))


def loaded(opened: Door) -> float | None:
    assert isinstance(opened.observer, ProductTraffic)
    labels = {"product": "m", "version": opened.version}
    return opened.observer.metrics.registry.get_sample_value("llmops_model_loaded", labels)


def test_a_model_that_hangs_is_not_ready_until_it_answers_again(tmp_path: Path) -> None:
    with scripted_server(HELLO, Line("late", takes_s=3), HELLO) as server:
        opened = door(server, tmp_path, timeout_s=1)
        opened.readiness.look()
        assert (opened.readiness.ready, loaded(opened)) == (True, 1)
        assert asyncio.run(opened.answer("call Ana")).status == 504
        assert (opened.readiness.ready, loaded(opened)) == (False, 0)
        opened.readiness.look()
        assert (opened.readiness.ready, loaded(opened)) == (True, 1)


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-30T23:30:00-08:00", "2026-12-01"), ("2026-12-01T16:30:00+09:00", "2026-12-02")],
)
def test_dates_are_those_of_the_caller_s_own_clock(now: str, due: str, tmp_path: Path) -> None:
    answer = '{"action":"create","title":"call Ana","due":"tomorrow"}'
    with scripted_server(Line(answer)) as server:
        opened = door(server, tmp_path)
        asked = {"text": "call Ana tomorrow", "now": now}
        reply = TestClient(Gateway([opened], lambda: b"").app()).post("/task", json=asked)
    assert reply.json()["params"]["due_date"].startswith(due)


def test_a_loss_during_a_look_is_not_overwritten_by_it(tmp_path: Path) -> None:
    with scripted_server(Line("Hello", takes_s=2)) as server:
        readiness = door(server, tmp_path).readiness
        looking = threading.Thread(target=readiness.look)
        looking.start()
        while not server.asked:
            time.sleep(0.01)
        readiness.lost("it hangs")
        looking.join()
    assert readiness.problem == "it hangs"


@pytest.mark.parametrize(("takes_s", "ready"), [(0, True), (3, False)])
def test_a_server_that_hangs_is_not_waited_for(takes_s: float, ready: bool, tmp_path: Path) -> None:
    with scripted_server(HELLO) as server:
        server.lists_after_s = takes_s
        readiness = door(server, tmp_path, timeout_s=1).readiness
        readiness.look()
    assert readiness.ready == ready


def test_a_rating_is_of_the_version_that_answered(tmp_path: Path) -> None:
    with scripted_server(Line('{"action":"none"}')) as server:
        opened = door(server, tmp_path)
        http = TestClient(Gateway([opened], lambda: b"").app())
        opened.readiness.version = "1.0.0"
        request_id = http.post("/task", json={"text": "call Ana"}).json()["request_id"]
        opened.readiness.version = "1.1.0"
        assert http.post("/feedback", json={"request_id": request_id, "positive": False}).status_code == 200
    assert [row["version"] for row in read_jsonl(tmp_path / "rated.jsonl")] == ["1.0.0"]
