"""The guard's classifier, trained and measured: what it learns, above which score it stops, and how often it is wrong."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import TrainingError
from llmops_assets.guard import encoder
from llmops_assets.guard.fitting import Example, fit
from llmops_assets.guard.scoring import Scores, judged
from llmops_assets.precision import bfloat16_products
from llmops_assets.recipes.guard import GuardConfig
from llmops_assets.storage import atomic


def train_guard(
    work: Path,
    *,
    train: Sequence[Example],
    validation: Sequence[Example],
    topics: Sequence[Example],
    config: GuardConfig,
    report: Callable[[str], None],
    cache: Path | None = None,
) -> dict[str, Any]:
    """Writes `guard.safetensors` and `guard.json` into `work` and returns the measured numbers.

    Args:
        work: the folder.
        train: what the classifier learns from.
        validation: harmful requests and harmless ones that sound so. The limit above which a request is stopped is the
            smallest that stops no more of the harmless ones than `config.false_block_target`; below `clear` lie no
            more of the harmful ones than `config.miss_target`.
        topics: requests that say whether they are this product's: measured only.
        config: the recipe's `guard` section.
        report: called with a line every ten seconds and one an epoch.
        cache: where checkpoints lie; a training that was killed goes on after its last whole epoch. None: there are none.

    Raises:
        TrainingError: one of the two classes is missing.
    """
    import torch
    from safetensors.torch import save_file

    if len({example.harmful for example in train}) < 2:
        raise TrainingError("expected harmful and legitimate rows to train the guard on, got one kind only; add data")
    torch.manual_seed(config.seed)
    model, tokenize = encoder.build(), encoder.tokenizer()
    model.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
    model.train()
    with bfloat16_products():
        losses = fit(model, tokenize, list(train), config, report=report, cache=cache)
    model.eval()
    measured: dict[str, Any] = {"rows": len(train), "epoch_losses": losses}
    known = [example for example in topics if example.off_topic is not None]
    found = judged(model, tokenize, [example.text for example in (*validation, *known)])
    measured |= _limits(found[: len(validation)], validation, config)
    measured |= _of_topics(found[len(validation) :], known, measured["limit"])
    work.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.half().contiguous() for name, weight in model.state_dict().items()}, work / encoder.WEIGHTS)
    atomic.write_json(work / "guard.json", measured)
    return measured


def _limits(found: Sequence[Scores], validation: Sequence[Example], config: GuardConfig) -> dict[str, Any]:
    scores, kinds = [score.stop for score in found], [example.harmful for example in validation]
    limit = choose_limit(scores, kinds, config.false_block_target)
    harmful = [score for score, bad in zip(scores, kinds, strict=True) if bad]
    legitimate = [score for score, bad in zip(scores, kinds, strict=True) if not bad]
    clear = choose_clear([score.harm for score in found], kinds, config.miss_target)
    return {
        "limit": limit,
        "clear": min(limit, clear),
        "validation_harmful": len(harmful),
        "validation_legitimate": len(legitimate),
        "validation_caught": _share(score > limit for score in harmful),
        "validation_false_blocks": _share(score > limit for score in legitimate),
    }


def _of_topics(found: Sequence[Scores], topics: Sequence[Example], limit: float) -> dict[str, Any]:
    own, foreign = (
        [score for score, example in zip(found, topics, strict=True) if bool(example.off_topic) is kind]
        for kind in (False, True)
    )
    return {
        "topics_own": len(own),
        "topics_foreign": len(foreign),
        "own_topic_stopped": _share(score.stop > limit for score in own),
        "foreign_topic_stopped": _share(score.stop > limit for score in foreign),
    }


def _share(hits: Any) -> float | None:
    found = list(hits)
    return round(sum(found) / len(found), 4) if found else None


def choose_limit(scores: Sequence[float], harmful: Sequence[bool], false_block_target: float) -> float:
    """The smallest limit that blocks at most this share of the legitimate ones, never below 0.001 nor above 0.95."""
    legitimate = sorted((score for score, bad in zip(scores, harmful, strict=True) if not bad), reverse=True)
    if not legitimate:
        return 0.5
    allowed = int(false_block_target * len(legitimate))
    limit = legitimate[min(allowed, len(legitimate) - 1)]
    return min(0.95, max(0.001, math.ceil(limit * 10_000) / 10_000))


def choose_clear(scores: Sequence[float], harmful: Sequence[bool], miss_target: float) -> float:
    """The largest score below which no more than this share of the harmful ones lie; 0 where there are none."""
    found = sorted(score for score, bad in zip(scores, harmful, strict=True) if bad)
    return round(found[min(int(miss_target * len(found)), len(found) - 1)], 4) if found else 0.0
