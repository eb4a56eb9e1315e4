"""Two tiny real models as GGUF files, and one embedded server for all tests that do not harm it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.export.gguf import write_gguf
from llmops_assets.serving.embedded_server import RunningServer, start
from llmops_assets_tests.deployment.releasing import Bench
from llmops_assets_tests.tiny_model import write_tiny_model


def _gguf(folder: Path, seed: int) -> Path:
    write_gguf(write_tiny_model(folder / "model", seed=seed), folder / "model.gguf", f"tiny {seed}")
    return folder / "model.gguf"


@pytest.fixture(scope="session")
def old_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _gguf(tmp_path_factory.mktemp("old"), 7)


@pytest.fixture(scope="session")
def new_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _gguf(tmp_path_factory.mktemp("new"), 11)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start(tmp_path_factory.mktemp("library"), port=None)
    yield running
    running.stop()


@pytest.fixture
def bench(server: RunningServer, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    """A model name of the test's own on the shared server."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.casefold())
    return Bench(server.url, f"m{name}"[:70], tmp_path / "state")
