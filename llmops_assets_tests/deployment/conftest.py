"""Two tiny real models as GGUF files, and one embedded server for all tests that do not harm it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.serving.embedded_server import RunningServer, start
from llmops_assets_tests.deployment.releasing import NEW_ANSWER, OLD_ANSWER, WRONG_ANSWER, Bench
from llmops_assets_tests.deployment.saying_model import write_saying_model


@pytest.fixture(scope="session")
def old_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_saying_model(tmp_path_factory.mktemp("old") / "model.gguf", OLD_ANSWER)


@pytest.fixture(scope="session")
def new_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_saying_model(tmp_path_factory.mktemp("new") / "model.gguf", NEW_ANSWER)


@pytest.fixture(scope="session")
def wrong_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_saying_model(tmp_path_factory.mktemp("wrong") / "model.gguf", WRONG_ANSWER)


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
