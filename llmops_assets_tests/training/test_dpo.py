"""DPO on a tiny model: its start, its margin, what ships, and that a killed run ends where an undisturbed one does."""

import math
from pathlib import Path

import pytest

from llmops_assets.errors import StageProcessError
from llmops_assets.storage.atomic import read_json, tree_digest
from llmops_assets.training.dpo import train_dpo
from llmops_assets.training.stages import make_dpo_model
from llmops_assets_tests.training.conftest import Ground, Trained
from llmops_assets_tests.training.killing import checkpoint_in, kill_child_when, largest_gap


def test_dpo_starts_at_ln_2_and_raises_the_margin(dpo: Trained) -> None:
    found = dpo.found
    assert found["dpo_start_loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert found["steps"] == 40
    assert found["dpo_loss_final"] < found["dpo_start_loss"] - 0.01
    assert found["dpo_margin"] > 0.01
    assert found["dpo_accuracy"] >= found["dpo_accuracy_before"]
    assert found["validation_loss_rise"] == found["validation_loss_after"] - found["validation_loss_before"]


def test_the_result_is_merged_proven_and_plotted(dpo: Trained, ground: Ground) -> None:
    assert dpo.found["merge_max_logit_gap"] < ground.config.tolerances.merge_logit_gap
    assert dpo.found["tokenizer_survived"]
    assert dpo.found["adapter_loadable"]
    assert (dpo.work / "model" / "model.safetensors").is_file()
    assert (dpo.work / "curves.png").read_bytes().startswith(b"\x89PNG")
    first = read_json(dpo.work / "curves.json")["train"][0]
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-3)
    assert not checkpoint_in(dpo.work / "cache")()


def test_a_dpo_that_breaks_a_tolerance_is_returned_as_it_is(dpo: Trained) -> None:
    # The tiny model never learns to stop, so that its DPO always fails.
    assert dpo.found["shipped"] == "dpo"
    assert "of the probes end by themselves" in dpo.found["reason"]


def test_a_killed_run_resumes_and_the_recipe_may_ship_sft(
    ground: Ground, merged: Trained, dpo: Trained, tmp_path: Path
) -> None:
    cache, killed, resumed = (tmp_path / name for name in ("cache", "killed", "resumed"))
    killer = kill_child_when(checkpoint_in(cache), killed)
    with pytest.raises(StageProcessError, match="was killed by SIGKILL"):
        make_dpo_model(
            killed,
            merged=merged.work / "model",
            pairs=ground.pairs,
            validation_pairs=ground.validation_pairs,
            validation=ground.validation,
            config=ground.config,
            cache=cache,
        )
    killer.join()
    resumed.mkdir()
    found = train_dpo(ground.dpo_spec(merged.work / "model", cache, ship_sft_if_dpo_fails=True), resumed)
    assert found["resumed_from_step"] in range(5, 40, 5)
    assert found["steps"] == 40
    assert largest_gap(resumed / "dpo_adapter", dpo.work / "dpo_adapter") < 1e-4

    assert found["shipped"] == "sft"
    assert "of the probes end by themselves" in found["reason"]
    assert tree_digest(resumed / "model") == tree_digest(merged.work / "model")
    assert found["dpo_margin"] == found["chosen_logprob_change"] == found["validation_loss_rise"] == 0.0
    assert found["failed_dpo"]["dpo_margin"] == pytest.approx(dpo.found["dpo_margin"], abs=1e-4)
    assert found["failed_dpo"]["dpo_start_loss"] == pytest.approx(math.log(2), abs=1e-3)


def test_no_epochs_pass_the_merged_model_through_and_say_so(ground: Ground, merged: Trained, tmp_path: Path) -> None:
    found = train_dpo(ground.dpo_spec(merged.work / "model", tmp_path / "cache", dpo_epochs=0, dpo_pairs=3), tmp_path)
    assert (found["pairs"], found["pairs_offered"] > 3) == (3, True)
    assert found["shipped"] == "sft"
    assert found["reason"] == "the recipe says dpo_epochs: 0"
    assert found["steps"] == 0
    assert found["merge_max_logit_gap"] == 0.0
    assert tree_digest(tmp_path / "model") == tree_digest(merged.work / "model")
    assert (tmp_path / "curves.png").is_file()
