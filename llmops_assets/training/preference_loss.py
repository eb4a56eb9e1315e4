"""The DPO loss on TRL's trainer: logits at answer tokens only, reference log-probabilities computed once."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from llmops_assets.shards import at_once, cut, summed, trained
from llmops_assets.training.pairs import TokenPair, collate_pairs
from llmops_assets.training.trainers import trainer_class

BATCH = 16


@dataclass(frozen=True)
class PairLogps:
    """Log p(answer | prompt) in nats, of each pair."""

    chosen: tuple[float, ...]
    rejected: tuple[float, ...]


@dataclass(frozen=True)
class PairCollator:
    """Rows of the trainer's dataset -> a batch in shards."""

    pad_id: int
    shared: bool
    shards: int = 1

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """See `collate_pairs`; the reference's log-probabilities go along."""
        return {"shards": [self._shard(part) for part in cut(rows, self.shards)]}

    def _shard(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        pairs = [TokenPair("", "", row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in rows]
        reference = [row["ref_chosen_logps"] for row in rows] + [row["ref_rejected_logps"] for row in rows]
        return {**collate_pairs(pairs, self.pad_id, shared=self.shared), "reference": torch.tensor(reference)}


def dpo_trainer_class() -> Any:
    """TRL's DPOTrainer on pairs that are tokens already."""
    from trl.trainer.dpo_trainer import DPOTrainer

    return trainer_class(
        DPOTrainer, compute_loss=preference_loss, _prepare_dataset=lambda self, dataset, *_, **__: dataset
    )


def preference_loss(
    self: Any,
    model: Any,
    inputs: dict[str, Any],
    return_outputs: bool = False,
    num_items_in_batch: Any = None,
) -> Any:
    """Mean of -log sigmoid(reward margin) over the pairs; a reward is beta times the gain in log-probability.

    TRL's own loss needs Triton, which CPU builds of torch lack, and passes over each prompt twice.
    """
    import torch
    from torch.nn.functional import logsigmoid

    plain, shards = self.accelerator.unwrap_model(model), inputs["shards"]
    rewards: dict[int, Any] = {}

    def loss_of(number: int) -> Any:
        shard = shards[number]
        found = self.beta * (answer_logps(plain, shard, self.accelerator.autocast()) - shard["reference"])
        rewards[number] = found.detach().view(2, -1)
        return -logsigmoid(found.view(2, -1)[0] - found.view(2, -1)[1]).sum()

    total = summed(loss_of, range(len(shards)), trained(plain))
    chosen, rejected = torch.cat([rewards[number] for number in range(len(shards))], dim=1)
    loss = total / len(chosen)
    self._total_train_tokens += sum(int(shard["pair_tokens"].sum()) for shard in shards)
    numbers = self._metrics["train"]
    numbers["num_tokens"] = [self._total_train_tokens]
    numbers["rewards/chosen"].append(chosen.mean().item())
    numbers["rewards/rejected"].append(rejected.mean().item())
    numbers["rewards/margins"].append((chosen - rejected).mean().item())
    numbers["rewards/accuracies"].append((chosen > rejected).float().mean().item())
    return (loss, None) if return_outputs else loss


def answer_logps(model: Any, batch: dict[str, Any], precision: Any) -> Any:
    """Log p(answer | prompt) of each answer of a batch from `collate_pairs`: first all chosen, then all rejected."""
    from torch.nn.functional import cross_entropy

    decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = {key: batch[key] for key in ("input_ids", "position_ids", "attention_mask") if key in batch}
    if "attention_mask" in inputs and decoder.config._attn_implementation == "eager":
        inputs["attention_mask"] = _as_summand(inputs["attention_mask"])
    with precision:
        hidden = decoder.model(**inputs, use_cache=False).last_hidden_state
        logits = decoder.lm_head(hidden[batch["rows"], batch["places"]])
    picked = -cross_entropy(logits.float(), batch["targets"], reduction="none")
    return picked.new_zeros(2 * len(batch["pair_tokens"])).index_add(0, batch["owners"], picked)


def _as_summand(seen: Any) -> Any:
    """A mask of what is seen as what plain attention adds to its scores: it would add 1 and 0 for True and False."""
    import torch

    return torch.zeros(seen.shape, device=seen.device).masked_fill(~seen, torch.finfo(torch.float32).min)


def pair_logps(model: Any, pairs: Sequence[TokenPair], pad_id: int, *, shared: bool) -> PairLogps:
    """Measures pairs without training."""
    import torch

    device = next(model.parameters()).device
    order = sorted(range(len(pairs)), key=lambda number: pairs[number].tokens)
    chosen, rejected = [0.0] * len(pairs), [0.0] * len(pairs)
    precision = (
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=True) if device.type == "cuda" else nullcontext()
    )

    def measure(numbers: Sequence[int]) -> None:
        batch = collate_pairs([pairs[number] for number in numbers], pad_id, shared=shared)
        found = answer_logps(model, {key: value.to(device) for key, value in batch.items()}, precision).tolist()
        for place, number in enumerate(numbers):
            chosen[number], rejected[number] = found[place], found[len(numbers) + place]

    was_training = model.training
    model.eval()
    with torch.no_grad():
        at_once(measure, [order[start : start + BATCH] for start in range(0, len(order), BATCH)], device.type)
    model.train(was_training)
    return PairLogps(tuple(chosen), tuple(rejected))
