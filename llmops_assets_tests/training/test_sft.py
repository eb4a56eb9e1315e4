"""SFT on a tiny model: what it leaves behind, and that a killed run ends where an undisturbed one does."""

from pathlib import Path

import pytest

from llmops_assets.errors import StageProcessError
from llmops_assets.storage.atomic import read_json
from llmops_assets.training.sft import train_sft
from llmops_assets.training.stages import make_sft_adapter
from llmops_assets_tests.tiny_model import write_conversations
from llmops_assets_tests.training.conftest import Ground, Trained
from llmops_assets_tests.training.killing import checkpoint_in, kill_child_when, largest_gap


def test_the_loss_falls_and_the_numbers_say_so(sft: Trained) -> None:
    found = sft.found
    assert found["steps"] == 40
    assert found["loss_finite"]
    assert found["train_loss_final"] < found["train_loss_first"] - 0.2
    assert found["validation_loss_final"] < found["validation_loss_base"] - 0.2
    assert found["validation_loss_best"] <= found["validation_loss_final"]
    assert found["tokens_per_second"] > 0
    assert found["peak_memory_gib"] > 0.1
    assert found["backend"]["reason"]


def test_the_adapter_loads_and_curves_and_a_rendered_row_are_there(sft: Trained) -> None:
    from safetensors.torch import load_file

    assert sft.found["adapter_loadable"]
    weights = load_file(sft.work / "adapter" / "adapter_model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())
    assert any(weight.abs().max() > 0 for name, weight in weights.items() if "lora_B" in name)
    config = read_json(sft.work / "adapter" / "adapter_config.json")
    assert config["r"] == 16
    assert config["target_modules"] == sorted(config["target_modules"])  # else equal trainings would be two artifacts
    assert (sft.work / "curves.png").read_bytes().startswith(b"\x89PNG")
    curves = read_json(sft.work / "curves.json")
    assert [point["step"] for point in curves["train"]] == list(range(1, 41))
    assert [point["step"] for point in curves["validation"]] == [0, 20, 40]
    assert "⟦" in (sft.work / "rendered_row.txt").read_text(encoding="utf-8")
    assert len(read_json(sft.work / "adapter" / "probes.json")) == 8


def test_a_killed_run_resumes_and_ends_with_the_same_adapter(ground: Ground, sft: Trained, tmp_path: Path) -> None:
    cache, killed, resumed, other = (tmp_path / name for name in ("cache", "killed", "resumed", "other"))
    killer = kill_child_when(checkpoint_in(cache), killed)
    with pytest.raises(StageProcessError, match="was killed by SIGKILL"):
        make_sft_adapter(
            killed,
            base=str(ground.model),
            train=ground.train,
            validation=ground.validation,
            config=ground.config,
            cache=cache,
        )
    killer.join()
    other.mkdir()
    strange = ground.sft_spec(cache, sft_epochs=1)
    strange["train"] = str(write_conversations(tmp_path / "other.jsonl", 8))
    assert train_sft(strange, other)["resumed_from_step"] is None

    resumed.mkdir()
    found = train_sft(ground.sft_spec(cache), resumed)
    assert found["resumed_from_step"] in range(5, 40, 5)
    assert found["steps"] == 40
    assert largest_gap(resumed / "adapter", sft.work / "adapter") < 1e-4
    assert found["validation_loss_final"] == pytest.approx(sft.found["validation_loss_final"], abs=1e-4)
    assert not checkpoint_in(cache)()
