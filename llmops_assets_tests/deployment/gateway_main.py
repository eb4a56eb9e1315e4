"""A gateway process for tests: `python -m ... FOLDER` reads FOLDER/gateway.json and writes FOLDER/url when it listens."""

import sys
from pathlib import Path
from typing import Any

from llmops_assets.deployment.answering import ServedProduct
from llmops_assets.deployment.door import Door, Limits
from llmops_assets.deployment.gateway import Gateway
from llmops_assets.deployment.gateway_process import run_gateway
from llmops_assets.guard.guarding import Guard
from llmops_assets.monitoring.metrics import ProductMetrics
from llmops_assets.pipeline.traffic import ProductTraffic
from llmops_assets.storage import atomic
from llmops_assets.tasks.registry import get_task


def door_of(row: dict[str, Any], url: str, folder: Path, metrics: ProductMetrics) -> Door:
    """One door: {"name": "plain", "model": "plain:production", "limits": {...}}."""
    product = ServedProduct(row["name"], get_task("command"), Guard(None), url, row["model"], row.get("num_ctx", 512))
    log = folder / f"{row['name']}.jsonl"
    traffic = ProductTraffic(row["name"], "/task", log, folder / "feedback.jsonl", metrics, sys.stderr.write)
    return Door(product, traffic, limits=Limits(**row.get("limits", {})))


def main(folder: Path) -> None:
    """Serves what gateway.json says."""
    spec, metrics = atomic.read_json(folder / "gateway.json"), ProductMetrics()
    doors = [door_of(row, spec["url"], folder, metrics) for row in spec["products"]]

    def listening(line: str) -> None:
        atomic.write_text(folder / "url", line.split()[1])

    run_gateway(Gateway(doors, metrics.exposition), "127.0.0.1", 0, listening)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
