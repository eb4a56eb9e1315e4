"""The loss at labels only, whole and in shards, against the model's own loss over all logits."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.training.adapters import load_model
from llmops_assets.training.backends import choose_backend
from llmops_assets.training.rows import IGNORED, load_rows
from llmops_assets.training.trainers import pad_rows, shard_rows, summed_loss
from llmops_assets_tests.training.conftest import Ground


@pytest.fixture(scope="module")
def batch(ground: Ground, tokenizer: Any) -> dict[str, Any]:
    rows = sorted(load_rows(Path(ground.train), tokenizer, 128).rows, key=lambda row: len(row.input_ids))
    return pad_rows(rows[:5] + rows[-4:], tokenizer.pad_token_id)


def test_a_shard_is_as_wide_as_its_longest_row(batch: dict[str, Any]) -> None:
    parts = shard_rows(batch, 3)
    assert [len(part["input_ids"]) for part in parts] == [3, 3, 3]
    for part in parts:
        assert int(part["attention_mask"].sum(1).max()) == part["input_ids"].shape[1]
        assert part["input_ids"].shape == part["labels"].shape == part["attention_mask"].shape
    assert parts[0]["input_ids"].shape[1] < batch["input_ids"].shape[1]
    for name in ("labels", "attention_mask"):
        kept = sum(int((part[name] != IGNORED).sum()) if name == "labels" else int(part[name].sum()) for part in parts)
        whole = batch[name]
        assert kept == (int((whole != IGNORED).sum()) if name == "labels" else int(whole.sum()))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_loss_of_the_shards_is_the_models_own(ground: Ground, batch: dict[str, Any], count: int) -> None:
    import torch

    model = load_model(ground.model, choose_backend()).eval()
    with torch.no_grad():
        found = [summed_loss(model, part, nullcontext()) for part in shard_rows(batch, count)]
        own = model(**batch).loss
    tokens = sum(number for _, number in found)
    assert tokens == int((batch["labels"][:, 1:] != IGNORED).sum())
    assert sum(float(loss) for loss, _ in found) / tokens == pytest.approx(float(own), rel=1e-4)
