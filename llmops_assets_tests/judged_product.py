"""A product that counts as judged: real evaluation cases, a file and a guard of a few bytes, and a report on their grounds."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets.gates import Metric
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.data import eval_dataset
from llmops_assets.pipeline.overridden import REPORT
from llmops_assets.pipeline.workshop import Made, Workshop, metadata
from llmops_assets.storage.atomic import sha256_bytes, write_bytes, write_json, write_jsonl
from llmops_assets_tests.evaluation.small_report import made as small_report

CASES = [
    {
        "id": f"contract-{number}",
        "messages": [{"role": "user", "content": f"list what {name} has to do"}],
        "expected": {"action": "list"},
    }
    for number, name in enumerate(("Ana", "Bob", "Carla"))
]


def put(shop: Workshop, asset: str, files: Mapping[str, bytes], *, green: bool = True, **shown: Any) -> Made:
    """An artifact made by hand, all its gates green or all red."""

    def make(work: Path) -> dict[str, Any]:
        for name, data in files.items():
            write_bytes(work / name, data)
        return metadata(dict(measured(shop, asset, green=green)), **shown)

    return shop.build(asset, inputs={}, settings=[str(sorted(files.items())), shown, green], make=make)


def measured(shop: Workshop, asset: str, *, green: bool) -> dict[str, Metric]:
    """Metrics that pass or miss every gate of an asset."""
    gates = graph.gates_of(asset, shop.recipe)
    return {gate.metric: Metric(float((gate.maximum is None) is green), 100_000) for gate in gates}


def put_grounds(shop: Workshop, gguf: bytes = b"GGUF", guard: bytes = b"{}") -> None:
    """What an evaluation reads."""
    if not shop.cases.exists():
        write_jsonl(shop.cases / "contract.jsonl", CASES)
    eval_dataset(shop)
    put(shop, "gguf_model", {"model.gguf": gguf}, sha256=sha256_bytes(gguf), quantization="F16")
    put(shop, "guard_model", {"guard.json": guard})


def put_report(shop: Workshop, *, green: bool = True, scores: Mapping[str, float] | None = None) -> Made:
    """An evaluation of what there is now."""
    metrics = measured(shop, "eval_report", green=green)
    grounds = shop.grounds()

    def make(work: Path) -> dict[str, Any]:
        rows = {name: asdict(metric) for name, metric in metrics.items()}
        write_json(work / REPORT, small_report(metrics=rows, grounds=grounds, passed=green))
        (work / "eval_report.html").write_text("the page")
        write_json(work / "scores.json", dict(scores or {}))
        return metadata(dict(metrics))

    return shop.build("eval_report", inputs=grounds, settings=[green, dict(scores or {})], make=make)
