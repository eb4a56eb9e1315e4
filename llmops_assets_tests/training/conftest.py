"""A tiny model, and what is trained from it once a session."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.recipes.training import TrainingConfig
from llmops_assets_tests.tiny_model import write_conversations, write_preferences, write_tiny_model

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


@dataclass(frozen=True)
class Ground:
    """A model folder, datasets of each kind, and the recipe that trains on them in seconds."""

    model: Path
    train: Path
    validation: Path
    pairs: Path
    validation_pairs: Path
    config: TrainingConfig

    def sft_spec(self, cache: Path, **changes: Any) -> dict[str, Any]:
        """What `train_sft` is given."""
        return {
            "base": str(self.model),
            "train": str(self.train),
            "validation": str(self.validation),
            "config": self.config.model_copy(update=changes).model_dump(mode="json"),
            "cache": str(cache),
        }

    def dpo_spec(self, merged: Path, cache: Path, **changes: Any) -> dict[str, Any]:
        """What `train_dpo` is given."""
        return {
            "merged": str(merged),
            "pairs": str(self.pairs),
            "validation_pairs": str(self.validation_pairs),
            "validation": str(self.validation),
            "config": self.config.model_copy(update=changes).model_dump(mode="json"),
            "cache": str(cache),
        }


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("ground")
    return Ground(
        write_tiny_model(folder / "tiny"),
        write_conversations(folder / "train.jsonl", 40),
        write_conversations(folder / "validation.jsonl", 8, first=100),
        write_preferences(folder / "pairs.jsonl", 40),
        write_preferences(folder / "validation_pairs.jsonl", 6, first=200),
        TrainingConfig(
            base_model="tiny",
            max_length=64,
            sft_epochs=4,
            sft_learning_rate=3e-2,
            dpo_epochs=4,
            dpo_batch_size=4,
            dpo_learning_rate=3e-2,
            checkpoint_every_n_steps=5,
            validation_points=2,
        ),
    )


@pytest.fixture(scope="session")
def tokenizer(ground: Ground) -> Any:
    from llmops_assets.training.base_model import load_tokenizer

    return load_tokenizer(ground.model)


@dataclass(frozen=True)
class Trained:
    """A folder with results, and what was returned."""

    work: Path
    found: dict[str, Any]


@pytest.fixture(scope="session")
def sft(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from llmops_assets.training.stages import make_sft_adapter

    work, cache = tmp_path_factory.mktemp("sft"), tmp_path_factory.mktemp("cache")
    found = make_sft_adapter(
        work,
        base=str(ground.model),
        train=ground.train,
        validation=ground.validation,
        config=ground.config,
        cache=cache,
    )
    assert not [path for path in cache.rglob("*") if path.is_file()]
    return Trained(work, found)


@pytest.fixture(scope="session")
def merged(ground: Ground, sft: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from llmops_assets.training.merging import merge_model

    work = tmp_path_factory.mktemp("merged")
    spec = {
        "base": str(ground.model),
        "adapter": str(sft.work / "adapter"),
        "config": ground.config.model_dump(mode="json"),
        "cache": str(work / "cache"),
    }
    return Trained(work, merge_model(spec, work))


@pytest.fixture(scope="session")
def dpo(ground: Ground, merged: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from llmops_assets.training.dpo import train_dpo

    work = tmp_path_factory.mktemp("dpo")
    return Trained(work, train_dpo(ground.dpo_spec(merged.work / "model", work / "cache"), work))
