"""The DPO loss, against log-probabilities computed one by one."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.training.adapters import load_model
from llmops_assets.training.backends import choose_backend
from llmops_assets.training.pairs import TokenPair, load_pairs
from llmops_assets.training.preference_loss import PairCollator, PairLogps, dpo_trainer_class, pair_logps
from llmops_assets_tests.tiny_model import write_preferences
from llmops_assets_tests.training.conftest import Ground


@pytest.fixture(scope="module")
def pairs(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenPair, ...]:
    path = write_preferences(tmp_path_factory.mktemp("pairs") / "pairs.jsonl", 7)
    return load_pairs(path, tokenizer, 128).pairs


@pytest.fixture(scope="module")
def model(ground: Ground) -> Any:
    import torch

    loaded = load_model(ground.model, choose_backend())
    with torch.no_grad():
        # Fresh weights hardly attend; larger ones make every token count.
        for weight in loaded.model.layers.parameters():
            weight.mul_(4)
    return loaded.eval()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("shared", [True, False])
def test_log_probabilities_are_those_of_each_answer_alone(
    shared: bool, attention: str, model: Any, pairs: tuple[TokenPair, ...], tokenizer: Any
) -> None:
    model.set_attn_implementation(attention)
    found = pair_logps(model, pairs, tokenizer.pad_token_id, shared=shared)
    assert found.chosen == pytest.approx([alone(model, pair.prompt, pair.chosen) for pair in pairs], abs=1e-3)
    assert found.rejected == pytest.approx([alone(model, pair.prompt, pair.rejected) for pair in pairs], abs=1e-3)


def alone(model: Any, prompt: list[int], answer: list[int]) -> float:
    import torch

    with torch.no_grad():
        logps = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    return sum(float(logps[len(prompt) - 1 + place, token]) for place, token in enumerate(answer))


@pytest.mark.parametrize("shards", [1, 3])
def test_the_loss_and_the_rewards_are_those_of_the_paper(
    shards: int, model: Any, pairs: tuple[TokenPair, ...], tokenizer: Any, tmp_path: Path
) -> None:
    reference = PairLogps(tuple(-90.0 - n for n in range(7)), tuple(-70.0 + 2 * n for n in range(7)))
    trainer = small_trainer(model, pairs, reference, tokenizer, tmp_path)
    trainer.data_collator = PairCollator(tokenizer.pad_token_id, shared=True, shards=shards)
    rows = [trainer.train_dataset[number] for number in range(len(pairs))]
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(rows))
    margins = [
        0.2
        * ((alone(model, pair.prompt, pair.chosen) - chosen) - (alone(model, pair.prompt, pair.rejected) - rejected))
        for pair, chosen, rejected in zip(pairs, reference.chosen, reference.rejected, strict=True)
    ]
    assert float(loss) == pytest.approx(sum(math.log1p(math.exp(-margin)) for margin in margins) / 7, abs=1e-3)
    logged = trainer._metrics["train"]
    assert logged["rewards/margins"] == [pytest.approx(sum(margins) / 7, abs=1e-3)]
    assert logged["rewards/accuracies"] == [pytest.approx(sum(margin > 0 for margin in margins) / 7)]
    assert logged["num_tokens"] == [sum(pair.tokens for pair in pairs)]


def small_trainer(model: Any, pairs: tuple[TokenPair, ...], reference: PairLogps, tokenizer: Any, folder: Path) -> Any:
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig

    columns = {
        "prompt_ids": [pair.prompt for pair in pairs],
        "chosen_ids": [pair.chosen for pair in pairs],
        "rejected_ids": [pair.rejected for pair in pairs],
        "ref_chosen_logps": list(reference.chosen),
        "ref_rejected_logps": list(reference.rejected),
    }
    arguments = DPOConfig(
        output_dir=str(folder), beta=0.2, use_cpu=True, bf16=False, report_to="none", gradient_checkpointing=False
    )
    return dpo_trainer_class()(
        model,
        # A reference model that is there is not looked for.
        ref_model=copy.deepcopy(model),
        args=arguments,
        data_collator=PairCollator(tokenizer.pad_token_id, shared=True),
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
    )
