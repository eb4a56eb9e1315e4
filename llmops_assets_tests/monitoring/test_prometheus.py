"""A real Prometheus scrapes the real exporter, and a real Alertmanager's alert becomes an incident."""

import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from llmops_assets.monitoring.incident_api import incident_router
from llmops_assets.monitoring.incidents import IncidentBook
from llmops_assets.monitoring.metrics import ProductMetrics, RequestOutcome, serve_metrics
from llmops_assets.monitoring.routing import alertmanager_yaml
from llmops_assets.monitoring.stack import prometheus_yaml
from llmops_assets.recipes.monitoring import IncidentConfig, MonitoringConfig
from llmops_assets_tests.monitoring.profiles import CONFIGS, needs, written
from llmops_assets_tests.monitoring.traffic import free_port

PATIENCE_S = 90


@contextmanager
def running(command: list[str], folder: Path, ready: str) -> Iterator[None]:
    """A process from the moment it answers until the end of the block."""
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(lambda: answer(ready) is not None or process.poll() is not None)
            assert process.poll() is None, (folder / "log.txt").read_text()
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def answer(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bytes(response.read())
    except OSError:
        return None


def query(port: int, expression: str) -> dict[str, float]:
    """An instant query: value by product."""
    found = answer(f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert found is not None
    return {entry["metric"]["product"]: float(entry["value"][1]) for entry in json.loads(found)["data"]["result"]}


@needs("prometheus")
def test_a_real_prometheus_shows_the_traffic_that_was_counted(tmp_path: Path) -> None:
    metrics = ProductMetrics()
    for count, product in enumerate(CONFIGS, 3):
        written(tmp_path / product, product)
        rules = (tmp_path / product / "rules.yml").read_text()
        (tmp_path / f"{product}.rules").write_text(rules.replace("interval: 1m", "interval: 1s"))
        metrics.set_model_loaded(product, "1.0.0", loaded=product != "DocWriter")
        for _ in range(10 * count):
            metrics.record_request(product, "1.0.0", RequestOutcome("/v1", 200, 0.4, 0.1, 30, 12, True))
        for _ in range(count):
            metrics.record_request(product, "1.0.0", RequestOutcome("/v1", 503, 0.4))
    port = free_port()
    with serve_metrics(metrics.registry, 0) as exporter:
        config = prometheus_yaml([f"127.0.0.1:{exporter.port}"], alertmanager="127.0.0.1:9", interval_s=1)
        (tmp_path / "prometheus.yml").write_text(config.replace("- rules.yml", "- '*.rules'"))
        command = [
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with running(command, tmp_path, f"http://127.0.0.1:{port}/-/ready"):
            wait_for(lambda: len(query(port, "llmops_model_loaded")) == 3)

            assert query(port, "sum by (product) (llmops_requests_total)") == {
                "TaskMaster": 33,
                "CodeReviewer": 44,
                "DocWriter": 55,
            }
            assert query(port, 'llmops_tokens_total{direction="out"}') == {
                "TaskMaster": 360,
                "CodeReviewer": 480,
                "DocWriter": 600,
            }
            assert query(port, "llmops_model_loaded == 0") == {"DocWriter": 0}
            assert query(port, "llmops_quality_score")["TaskMaster"] == 1.0
            wait_for(lambda: query(port, 'ALERTS{alertname="ModelDown"}') == {"DocWriter": 1})
            assert loaded_groups(port) == {f"llmops-{product}": set() for product in CONFIGS}


def loaded_groups(port: int) -> dict[str, set[str]]:
    """Rule groups with the errors of their last evaluations."""
    found = json.loads(answer(f"http://127.0.0.1:{port}/api/v1/rules") or b"{}")
    return {
        group["name"]: {rule["lastError"] for rule in group["rules"] if rule.get("lastError")}
        for group in found["data"]["groups"]
    }


@contextmanager
def incident_server(book: IncidentBook, port: int) -> Iterator[None]:
    app = FastAPI()
    app.include_router(incident_router(book, token="s3cret"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


def post_alert(port: int, alert: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts",
        data=json.dumps([alert]).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.status == 200


@needs("prometheus-alertmanager")
def test_a_real_alertmanager_opens_and_closes_an_incident(tmp_path: Path) -> None:
    gateway, port = free_port(), free_port()
    config = MonitoringConfig(
        incidents=IncidentConfig(webhook_url=f"http://127.0.0.1:{gateway}/incidents/alertmanager")
    )
    (tmp_path / "incident_token").write_text("s3cret")
    # Only shorter waits than the ones we write.
    text = alertmanager_yaml(config, secrets=str(tmp_path)).replace("group_wait: 10s", "group_wait: 1s")
    (tmp_path / "alertmanager.yml").write_text(text.replace("group_interval: 5m", "group_interval: 1s"))
    book = IncidentBook(tmp_path / "incidents", config.incidents, lambda _: ())
    command = [
        "prometheus-alertmanager",
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    alert = {
        "labels": {"alertname": "ModelDown", "product": "TaskMaster", "severity": "critical"},
        "annotations": {"summary": "TaskMaster does not answer"},
        "startsAt": datetime.now(UTC).isoformat(),
    }
    with (
        incident_server(book, gateway),
        running(command, tmp_path, f"http://127.0.0.1:{port}/-/ready"),
    ):
        post_alert(port, alert)
        wait_for(lambda: len(book.incidents(state="open")) == 1)
        post_alert(port, {**alert, "endsAt": datetime.now(UTC).isoformat()})
        wait_for(lambda: len(book.incidents(state="closed")) == 1)

    (incident,) = book.incidents()
    assert (incident["alert"], incident["product"]) == ("ModelDown", "TaskMaster")
    assert [entry["event"] for entry in incident["timeline"]] == ["opened", "closed"]
