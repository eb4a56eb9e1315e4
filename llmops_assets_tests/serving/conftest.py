"""One tiny real GGUF for all tests, and one real server process that has it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from llmops_assets.export.gguf import write_gguf
from llmops_assets.serving.embedded_server import RunningServer, start
from llmops_assets_tests.serving.speaking import create_tiny
from llmops_assets_tests.tiny_model import write_talkative_model, write_tiny_model


def as_gguf(folder: Path, write: Callable[[Path], Path]) -> Path:
    write_gguf(write(folder / "model"), folder / f"{folder.name}.gguf", "tiny")
    shutil.rmtree(folder / "model")
    return folder / f"{folder.name}.gguf"


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_gguf(tmp_path_factory.mktemp("tiny", numbered=False), write_tiny_model)


@pytest.fixture(scope="session")
def talkative_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_gguf(tmp_path_factory.mktemp("talkative", numbered=False), write_talkative_model)


@pytest.fixture(scope="session")
def server(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that has the model `tiny`; a test that creates others names them after itself."""
    running = start(tmp_path_factory.mktemp("library"), port=None)
    try:
        create_tiny(ollama.Client(host=running.url), tiny_gguf)
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(server: RunningServer) -> ollama.Client:
    return ollama.Client(host=server.url, timeout=60)


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as plain:
        yield plain
