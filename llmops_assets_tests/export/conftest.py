from pathlib import Path

import pytest

from llmops_assets.export.gguf import write_gguf
from llmops_assets_tests.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("export") / "model")


@pytest.fixture(scope="session")
def f16(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "f16.gguf"
    write_gguf(model_folder, path, "tiny")
    return path
