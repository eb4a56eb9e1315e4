"""What a DPO did to its reference, and whether it may ship: numbers and rules, no model."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from llmops_assets.recipes.training import TrainingTolerances
from llmops_assets.training.dpo_run import Standing
from llmops_assets.training.pairs import TokenPair

START = math.log(2)


def compare(before: Standing, after: Standing, pairs: Sequence[TokenPair], beta: float) -> dict[str, Any]:
    """Numbers of the held-out pairs and the SFT validation rows, before and after.

    Margins are rewards (beta times nats), log-probabilities are nats a token of the chosen answers.
    """
    gains = [
        (now_chosen - was_chosen) - (now_rejected - was_rejected)
        for now_chosen, was_chosen, now_rejected, was_rejected in zip(
            after.pairs.chosen, before.pairs.chosen, after.pairs.rejected, before.pairs.rejected, strict=True
        )
    ]
    tokens = sum(len(pair.chosen) for pair in pairs)
    was, now = sum(before.pairs.chosen) / tokens, sum(after.pairs.chosen) / tokens
    return {
        "dpo_margin": beta * sum(gains) / len(gains),
        "dpo_accuracy_before": ranked_right(before),
        "dpo_accuracy": ranked_right(after),
        "dpo_accuracy_by_category": by_category(after, pairs),
        "chosen_logprob_before": was,
        "chosen_logprob_after": now,
        "chosen_logprob_change": now - was,
        "validation_loss_before": before.validation_loss,
        "validation_loss_after": after.validation_loss,
        "validation_loss_rise": after.validation_loss - before.validation_loss,
    }


def unchanged(standing: Standing, pairs: Sequence[TokenPair], beta: float) -> dict[str, Any]:
    """The same numbers of a model that is its own reference: its DPO loss is ln 2, its margin 0."""
    return {"dpo_start_loss": START, **compare(standing, standing, pairs, beta)}


def ranked_right(standing: Standing) -> float:
    """Share of pairs whose chosen answer is the likelier one."""
    sides = list(zip(standing.pairs.chosen, standing.pairs.rejected, strict=True))
    return sum(chosen > rejected for chosen, rejected in sides) / len(sides)


def by_category(standing: Standing, pairs: Sequence[TokenPair]) -> dict[str, str]:
    """`right/all` of each category."""
    right: dict[str, list[bool]] = {}
    for pair, chosen, rejected in zip(pairs, standing.pairs.chosen, standing.pairs.rejected, strict=True):
        right.setdefault(pair.category, []).append(chosen > rejected)
    return {category: f"{sum(found)}/{len(found)}" for category, found in sorted(right.items())}


def failures(found: Mapping[str, Any], tolerances: TrainingTolerances) -> list[str]:
    """Why a DPO may not ship; empty where it may."""
    start, fall, rise = found["dpo_start_loss"], -found["chosen_logprob_change"], found["validation_loss_rise"]
    rules = [
        (abs(start - START) > tolerances.dpo_start_gap, f"the first loss is {start:.4f}, not ln 2"),
        (found["dpo_margin"] <= 0, f"the reward margin is {found['dpo_margin']:.4f}"),
        (fall > tolerances.chosen_logprob_drop, f"the chosen answers lost {fall:.3f} nats a token"),
        (rise > tolerances.dpo_validation_loss_rise, f"the SFT validation loss rose by {rise:.3f}"),
        (
            found["merge_max_logit_gap"] > tolerances.merge_logit_gap,
            f"the merged model is {found['merge_max_logit_gap']:.4f} from its adapter",
        ),
        (not found["natural_stop"], f"{found['stopped_share']:.0%} of the probes end by themselves"),
    ]
    return [reason for broken, reason in rules if broken]
