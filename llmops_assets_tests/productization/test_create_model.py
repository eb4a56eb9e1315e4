"""What create_model.py takes for the shipped model, with the real embedded server."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.productization.archive import safe_extract
from llmops_assets.productization.packaging import build_bundle
from llmops_assets.serving.embedded_server import RunningServer, start
from llmops_assets_tests.deployment.saying_model import write_saying_model
from llmops_assets_tests.productization.made_product import made_inputs, made_product


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, key: Ed25519PrivateKey) -> Path:
    folder = tmp_path_factory.mktemp("real")
    inputs = made_inputs(folder / "in", write_saying_model(folder / "model.gguf", "yes"))
    built = build_bundle(folder / "work", product=made_product(), inputs=inputs, key=key)
    return safe_extract(built.archive, folder / "unpacked")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    running = start(tmp_path / "library", port=None)
    yield running
    running.stop()


@pytest.fixture
def create(root: Path, server: RunningServer) -> Callable[[], str]:
    """Runs the script and says what it said."""
    command = [sys.executable, str(root / "deployment/scripts/create_model.py"), "--url", server.url]

    def run() -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()

    return run


def test_what_it_created_stands_the_next_time(create: Callable[[], str]) -> None:
    assert [create(), create()] == [
        "create_model: taskmaster:1.4.0 created",
        "create_model: taskmaster:1.4.0 stands already",
    ]


@pytest.mark.parametrize("other", ["weights", "system"])
def test_another_model_of_that_name_is_replaced(
    other: str, create: Callable[[], str], server: RunningServer, tmp_path: Path
) -> None:
    import ollama

    create()
    client = ollama.Client(host=server.url)
    if other == "weights":
        digest = client.create_blob(write_saying_model(tmp_path / "other.gguf", "no"))
        client.create(model="taskmaster:1.4.0", files={"other.gguf": digest})
    else:
        client.create(model="taskmaster:1.4.0", from_="taskmaster:1.4.0", system="Say no.")
    assert create() == "create_model: taskmaster:1.4.0 created"
    assert create().endswith("stands already")


def test_weights_that_only_bear_the_right_name_are_not_served(create: Callable[[], str], tmp_path: Path) -> None:
    create()
    largest = max((tmp_path / "library/blobs").iterdir(), key=lambda path: path.stat().st_size)
    with largest.open("ab") as file:
        file.write(b"x")
    assert f"{largest} is not what its name says" in create()
