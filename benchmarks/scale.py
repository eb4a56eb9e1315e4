"""What orchestration costs at 1, 3, 30 and 300 products: tiny data, generated recipes, the real definitions.

`python benchmarks/scale.py [--products 1 3 30 300]`; each size runs in processes of its own. The peer of a run is the same
steps called in a plain loop. The cost model that these figures lead to stands in docs/scaling.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from llmops_assets_tests.tiny_project import TinyProject, write_tiny_base, write_tiny_project

SIZES = (1, 3, 30, 300)
RUNS = 5
"""Products that are really run at each size; what a run costs does not hang on the others unless the figures say so."""
CLOCKS = {"wall": time.monotonic, "cpu": time.process_time}
SENSOR = "data_branch_changed"
ASSET_GRAPH = """
query AssetGraph { assetNodes { id assetKey { path } dependencyKeys { path } dependedByKeys { path } groupName kinds
  hasMaterializePermission isPartitioned opNames pools changedReasons
  assetChecksOrError { ... on AssetChecks { checks { name blocking } } } } }"""
PROGRESS = """
query Progress { assetNodes { id assetKey { path } partitionStats {
  numMaterialized numFailed numMaterializing numPartitions } } }"""


def write_products(folder: Path, count: int) -> TinyProject:
    """A project of `count` products: one recipe, one folder of raw data, one of evaluation cases each."""
    project = write_tiny_project(folder, write_tiny_base(folder.with_name("base")))
    for product in ("CodeReviewer", "DocWriter"):
        (folder / "recipes" / f"{product.casefold()}.yaml").unlink()
    recipe = yaml.safe_load((folder / "recipes" / "taskmaster.yaml").read_text(encoding="utf-8"))
    for number in range(1, count):
        name = f"Product{number:05}"
        recipe["pipeline_id"] = recipe["deployment"]["model_name"] = name.casefold()
        recipe["data"]["raw_data_path"] = f"data/raw/{name}"
        recipe["product"]["product_name"] = name
        (folder / "recipes" / f"{name.casefold()}.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        for kind in ("raw", "eval", ""):
            shutil.copytree(folder / "data" / kind / "TaskMaster", folder / "data" / kind / name)
    return project


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    clock = CLOCKS[os.environ["CLOCK"]]
    started = clock()
    found = work()
    return clock() - started, found


def load() -> dict[str, float]:
    """In a fresh process: what every one that Dagster starts pays before it does anything."""
    imported, module = timed(lambda: __import__("llmops_assets.definitions", fromlist=["defs"]))
    resolved, _ = timed(lambda: module.defs().get_repository_def().get_all_jobs())
    return {"import_s": imported, "definitions_s": resolved}


def tick() -> dict[str, float]:
    """The sensor over all products' data: the first time, and with nothing changed."""
    import dagster as dg

    from llmops_assets.definitions import defs

    sensor = defs().resolve_sensor_def(SENSOR)
    repository = defs().get_repository_def()

    def once(cursor: str | None) -> Any:
        return sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor, repository_def=repository))

    first, found = timed(lambda: once(None))
    again, _ = timed(lambda: once(found.cursor))
    return {"sensor_first_s": first, "sensor_unchanged_s": again}


def ask() -> dict[str, float]:
    """What the asset page of the UI asks, through the web server's own GraphQL schema."""
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.testclient import TestClient

    target = ModuleTarget("llmops_assets.definitions", None, str(Path.cwd()), "llmops_assets")
    with DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as workspace:
        client = TestClient(DagsterWebserver(workspace).create_asgi_app())
        found = {}
        for name, query in (("asset_graph_s", ASSET_GRAPH), ("progress_s", PROGRESS)):
            client.post("/graphql", json={"query": query})
            seconds, reply = timed(lambda query=query: client.post("/graphql", json={"query": query}))  # type: ignore[misc]
            assert "errors" not in reply.json(), reply.text[:500]
            found[name] = seconds
        return found


def run() -> dict[str, float]:
    """The data stage of a few products: by Dagster, and by a plain loop over the same steps; new, and with all made."""
    import dagster as dg

    from llmops_assets.definitions import defs
    from llmops_assets.pipeline import data
    from llmops_assets.pipeline.workshop import Workshop
    from llmops_assets.project import find_project
    from llmops_assets.recipes.loading import load_recipes

    project = find_project()
    recipes = list(load_recipes(project.recipes).values())[:RUNS]
    steps = (data.curated_conversations, data.eval_dataset, data.sft_dataset, data.preference_dataset)
    job = defs().resolve_job_def("build_data")

    def plain() -> list[float]:
        return [
            timed(lambda r=recipe: [s(Workshop(project, r, lambda _: None)) for s in steps])[0] for recipe in recipes
        ]  # type: ignore[misc]

    def orchestrated(instance: dg.DagsterInstance) -> list[float]:
        return [
            timed(lambda r=recipe: job.execute_in_process(partition_key=r.name, instance=instance))[0]  # type: ignore[misc]
            for recipe in recipes
        ]

    with dg.DagsterInstance.get() as instance:
        plain()  # tokenizer and libraries are loaded once a process, whoever does it
        shutil.rmtree(project.store.root)
        found = {"dagster_new_s": orchestrated(instance)}
        found["dagster_made_s"] = orchestrated(instance)
        found["plain_made_s"] = plain()
        shutil.rmtree(project.store.root)
        found["plain_new_s"] = plain()
    return {name: statistics.median(values) for name, values in found.items()}


PARTS: dict[str, Callable[[], dict[str, float]]] = {"load": load, "tick": tick, "run": run, "ask": ask}


def measure(count: int) -> dict[str, float]:
    """All parts at one size, each in a process of its own; the median of three where it is short."""
    with tempfile.TemporaryDirectory() as folder:
        project = write_products(Path(folder) / "project", count)
        Path(project.environment["DAGSTER_HOME"]).mkdir(parents=True)
        shutil.copyfile(project.root / "dagster.yaml", Path(project.environment["DAGSTER_HOME"]) / "dagster.yaml")
        found: dict[str, float] = {}
        for part in PARTS:
            rows = [child(project, part) for _ in range(1 if part == "run" else 3)]
            found |= {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        return found


def child(project: TinyProject, part: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--part", part],
        cwd=project.root,
        env={**os.environ, **project.environment},
        capture_output=True,
        text=True,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, done.stderr[-3000:]
    row: dict[str, float] = json.loads(found[-1])
    return row


def report(sizes: Sequence[int]) -> None:
    rows = {count: measure(count) for count in sizes}
    print("| products | " + " | ".join(map(str, rows)) + " |")
    print("|---|" + "---|" * len(rows))
    for name in next(iter(rows.values())):
        print(f"| {name} | " + " | ".join(f"{row[name]:.3f}" for row in rows.values()) + " |")
    for name in ("new", "made"):
        extra = [row[f"dagster_{name}_s"] - row[f"plain_{name}_s"] for row in rows.values()]
        print(f"| overhead of a run of 4 steps, {name} | " + " | ".join(f"{value:.3f}" for value in extra) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: on a machine with other work")
    parser.add_argument("--part", choices=PARTS)
    given = parser.parse_args()
    os.environ.setdefault("CLOCK", given.clock)
    if given.part:
        print(json.dumps(PARTS[given.part]()))
    else:
        report(given.products)


if __name__ == "__main__":
    main()
