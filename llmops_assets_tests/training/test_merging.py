"""The merged model and its proof."""

import shutil
from pathlib import Path

import pytest

from llmops_assets.errors import TrainingError
from llmops_assets.training.merging import load_adapted, merge_model
from llmops_assets_tests.training.conftest import Ground, Trained


def test_the_merged_model_equals_its_adapter_and_differs_from_its_base(merged: Trained, ground: Ground) -> None:
    assert merged.found["merge_max_logit_gap"] < ground.config.tolerances.merge_logit_gap
    assert merged.found["merged_differs_from_base"]
    assert merged.found["change_from_base"] > 0.01
    assert merged.found["tokenizer_survived"]
    assert len(merged.found["answers"]) == len(merged.found["probes"]) == 8
    assert merged.found["probes"][0].endswith("<|im_start|>assistant\n")


def test_the_merged_folder_is_a_plain_model(merged: Trained) -> None:
    names = {path.name for path in (merged.work / "model").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= names
    assert not [name for name in names if "adapter" in name]


@pytest.mark.parametrize("damage", ["truncated", "missing", "of another shape"])
def test_a_damaged_adapter_is_an_error_of_one_line(damage: str, sft: Trained, ground: Ground, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    shutil.copytree(sft.work / "adapter", adapter)
    weights = adapter / "adapter_model.safetensors"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif damage == "missing":
        weights.unlink()
    else:
        config = adapter / "adapter_config.json"
        config.write_text(config.read_text().replace('"r": 16', '"r": 8'))
    with pytest.raises(TrainingError) as caught:
        load_adapted(ground.model, adapter)
    assert "\n" not in str(caught.value)
    assert str(adapter) in str(caught.value)


def test_a_merge_without_a_base_names_it(ground: Ground, sft: Trained, tmp_path: Path) -> None:
    config = ground.config.model_dump(mode="json")
    spec = {"base": "/nowhere.gguf", "adapter": str(sft.work / "adapter"), "config": config, "cache": str(tmp_path)}
    with pytest.raises(TrainingError, match=r"expected the base model /nowhere\.gguf"):
        merge_model(spec, tmp_path)
