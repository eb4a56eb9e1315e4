"""Three products trained on a real Ray cluster of two nodes that share nothing but the store; one node is killed in the middle."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from llmops_assets.pipeline import graph
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import ArtifactStore
from llmops_assets.storage.remote_store import open_store
from llmops_assets_tests.storage.s3_server import new_bucket, s3_server
from llmops_assets_tests.tiny_project import PRODUCTS, REAL, TinyProject, write_tiny_project

pytest.importorskip("dagster_ray", reason="needs the extra `cluster`")
from llmops_assets_tests.ray_cluster import RayCluster, ray_cluster

TRAINED = [node.name for node in graph.NODES if node.stage == "training"]
PATIENCE_S = 1800.0


def instance_for(home: Path) -> None:
    """A Dagster instance in which three products may train at once."""
    settings = yaml.safe_load((REAL / "dagster.yaml").read_text(encoding="utf-8"))
    settings["concurrency"]["pools"]["default_limit"] = len(PRODUCTS)
    atomic.write_text(home / "dagster.yaml", yaml.safe_dump(settings))


def machine(project: TinyProject, name: str, store: str) -> dict[str, str]:
    """The environment of one machine: its own state and copies, the store of all."""
    own = {"LLMOPS_HOME": str(project.root / name / "home"), "LLMOPS_SCRATCH": str(project.root / name / "copies")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # a step is the command `dagster`
    return {**os.environ, **project.environment, **own, "LLMOPS_STORE": store, "PATH": path}


@contextlib.contextmanager
def training(project: TinyProject, environment: dict[str, str]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Dagster's own command for each product, all at once; its steps go where the executor says."""
    command = [
        sys.executable,
        "-m",
        "dagster",
        "job",
        "execute",
        "-m",
        "llmops_assets.definitions",
        "-j",
        "build_training",
    ]
    with contextlib.ExitStack() as after:
        runs = []
        for product in PRODUCTS:
            tags = ["--tags", json.dumps({"dagster/partition": product})]
            log = after.enter_context((project.root / f"{product}.log").open("wb"))
            runs.append(subprocess.Popen([*command, *tags], cwd=project.root, env=environment, stdout=log, stderr=log))
            after.callback(runs[-1].kill)
        yield runs


def logs(project: TinyProject, cluster: RayCluster) -> str:
    files = [*project.root.glob("*.log"), *cluster.folder.glob("session_latest/logs/job-driver-*.log")]
    return "\n".join(f"{path.name}\n{path.read_text(encoding='utf-8', errors='replace')}" for path in files)


def wait_until_it_trains(copies: Path, runs: list["subprocess.Popen[bytes]"]) -> None:
    """Until a training has begun on the machine whose copies these are."""
    end = time.monotonic() + PATIENCE_S
    while not list(copies.glob("sft_adapter/*/.work-*")):
        assert time.monotonic() < end
        assert any(run.poll() is None for run in runs)
        time.sleep(0.05)


def made_by(store: ArtifactStore) -> dict[tuple[str, str], str]:
    return {(asset, product): store.latest(asset, product).digest for asset in TRAINED for product in PRODUCTS}


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_a_node_that_is_killed_costs_its_step_and_changes_no_result(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = write_tiny_project(tmp_path / "alone", tiny_base)
    for product in PRODUCTS:  # with the same rows they would be one training, and two of one wait for each other
        alone.add_row(product, f"enumerate whatever the {product} people promised us lately")
    alone.llmops("run", "--all", "--stage", "data")
    alone.llmops("run", "--all", "--stage", "training", timeout=PATIENCE_S)
    project = alone.copy(tmp_path / "together")
    with s3_server() as s3:
        store = f"s3://{new_bucket(s3, monkeypatch)}/team"
        instance_for(project.root / "home" / "dagster")
        first, second = machine(project, "a", store), machine(project, "b", store)
        subprocess.run(
            [sys.executable, "-m", "llmops_assets", "run", "--all", "--stage", "data"],
            cwd=project.root,
            env=first,
            check=True,
        )
        with ray_cluster(first) as cluster:
            cluster.start("second", second, f"--address={cluster.address}")
            driver = {
                **first,
                "LLMOPS_EXECUTOR": "ray",
                "RAY_API_SERVER_ADDRESS": cluster.api,
                "RAY_ADDRESS": cluster.api,
            }
            with training(project, driver) as runs:
                wait_until_it_trains(project.root / "b" / "copies", runs)
                cluster.kill("second")
                codes = [run.wait(PATIENCE_S) for run in runs]
            said = logs(project, cluster)
        assert codes == [0, 0, 0], said
        assert "STEP_UP_FOR_RETRY" in said
        assert made_by(open_store(store, tmp_path / "reader")) == made_by(alone.store)
