import random
from pathlib import Path

import pytest
import torch

from llmops_assets.guard import encoder
from llmops_assets.guard.fitting import Example, fit
from llmops_assets.recipes.guard import GuardConfig
from llmops_assets.storage.atomic import files_in

CONFIG = GuardConfig(classifier=True, epochs=3, batch_size=6, learning_rate=3e-4, disguised_share=0.3)


class KilledError(Exception):
    """Stands for what ends a process after its second epoch."""


def rows(count: int = 24) -> list[Example]:
    rng = random.Random(3)
    words = ("bank", "shop", "coffee", "witness", "car", "window")
    return [
        Example(f"{'rob' if number % 2 else 'clean'} the {rng.choice(words)} {number}", number % 2 == 1)
        for number in range(count)
    ]


def trained(cache: Path | None, lines: list[str], ends_after: str = "never") -> dict[str, torch.Tensor]:
    """The weights after a training that ends when it says something."""

    def report(line: str) -> None:
        lines.append(line)
        if line.startswith(ends_after):
            raise KilledError(line)

    torch.manual_seed(CONFIG.seed)
    model = encoder.build()
    model.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    losses = fit(model, encoder.tokenizer(), rows(), CONFIG, report=report, cache=cache)
    assert len(losses) == CONFIG.epochs
    return dict(model.state_dict())


def test_a_killed_training_goes_on_after_its_last_whole_epoch_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = trained(None, [])
    lines: list[str] = []
    with pytest.raises(KilledError):
        trained(tmp_path, lines, ends_after="guard: epoch 2/3 done")
    assert [path.name for path in (tmp_path / "checkpoints").glob("guard-*/checkpoint-*")] == ["checkpoint-1"]
    resumed = trained(tmp_path, lines)
    assert [line for line in lines if line.startswith("guard: goes on")] == ["guard: goes on after epoch 1/3"]
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_that_was_cut_is_begun_again(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(KilledError):
        trained(tmp_path, lines, ends_after="guard: epoch 2/3 done")
    (state,) = (path for path in files_in(tmp_path) if path.suffix == ".safetensors")
    state.write_bytes(state.read_bytes()[:-100])
    again: list[str] = []
    trained(tmp_path, again)
    assert again[0].startswith("guard: epoch 1/3 done, 24 of 24 rows")
