"""One tiny real GGUF for all tests of the evaluation, its model folder beside it."""

from pathlib import Path

import pytest

from llmops_assets.export.gguf import write_gguf
from llmops_assets_tests.tiny_model import write_talkative_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the weights that `tiny_gguf` holds."""
    return write_talkative_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model: Path) -> Path:
    path = tiny_model.parent / "tiny.gguf"
    write_gguf(tiny_model, path, "tiny")
    return path
