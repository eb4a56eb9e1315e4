"""One tiny real GGUF for all tests of the evaluation, its model folder beside it."""

from pathlib import Path

import pytest

from llmops_assets.export.gguf import write_gguf
from llmops_assets_tests.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the weights that `tiny_gguf` holds: larger ones, or it would only say the last token again."""
    from safetensors.torch import load_file, save_file

    folder = write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")
    (path,) = folder.glob("*.safetensors")
    weights = {
        name: weight * 8 if ".layers." in name and weight.ndim > 1 else weight
        for name, weight in load_file(path).items()
    }
    save_file(weights, path, {"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model: Path) -> Path:
    path = tiny_model.parent / "tiny.gguf"
    write_gguf(tiny_model, path, "tiny")
    return path
