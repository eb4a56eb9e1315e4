"""The guard's training as one function for a child process: rows in, `guard.safetensors` and `guard.json` out."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llmops_assets.console import say
from llmops_assets.errors import TrainingError
from llmops_assets.guard.fitting import Example
from llmops_assets.guard.guarding import user_text
from llmops_assets.guard.training import train_guard
from llmops_assets.recipes.guard import GuardConfig
from llmops_assets.storage.atomic import read_jsonl, sha256_bytes
from llmops_assets.tasks.answers import json_object

REFUSED, FOREIGN = "refuse", "none"
VALIDATION, TOPICS = "validation", "topics"
"""What `split` says in a row that never trains: the first choose the limits, the others only measure."""


def make_guard(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """Trains on what the model trains on, and on requests that only the guard sees.

    The limit is chosen on the guard's own rows that are marked for it, or on the validation rows of the model where
    there are none: all harmful or close to it. Ordinary requests are never in doubt, and would only make a rate of
    false blocks look small.

    Args:
        spec: `data`, the folder with train.jsonl and validation.jsonl; `own`, a file of requests that only the guard
            sees, harmful unless they say otherwise (`harmful`: false) or have an answer that does not refuse;
            `config`, the recipe's `guard` section; `cache`, where checkpoints lie.
        work: gets the classifier.

    Raises:
        TrainingError: a row's `split` is none that is known, or all rows are of one kind.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    folder = Path(spec["data"])
    own = read_jsonl(Path(spec["own"]))
    config = GuardConfig.model_validate(spec["config"])
    train, validation = (read_jsonl(folder / f"{name}.jsonl") for name in ("train", "validation"))
    taught, kept_out, topics = (
        [labelled(row) for row in own if row.get("split") == split] for split in (None, VALIDATION, TOPICS)
    )
    if len(taught) + len(kept_out) + len(topics) != len(own):
        raise TrainingError(
            f"expected `split` of a guard's row to be {VALIDATION!r} or {TOPICS!r} or to be left out, "
            f"got {sorted({row['split'] for row in own if row.get('split') not in (None, VALIDATION, TOPICS)})}"
        )
    close = distinct(kept_out or examples(validation, config, ordinary=0))
    return train_guard(
        work,
        train=distinct([*examples(train, config, config.ordinary_rows), *taught]),
        validation=close,
        topics=distinct([*close, *topics]),
        config=config,
        report=say,
        cache=Path(spec["cache"]),
    )


def examples(rows: Iterable[Mapping[str, Any]], config: GuardConfig, ordinary: int) -> list[Example]:
    """Requests that people wrote: all that are or sound harmful, and so many ordinary ones.

    Composed ones are all harmless and alike, and ordinary ones are easy: more of either would only cost time.
    """
    written = [row for row in rows if not row.get("composed")]
    close = [row for row in written if _action(row) == REFUSED or row.get("source") in config.contrast_sources]
    chosen = {id(row) for row in close}
    left = [
        row for row in written if id(row) not in chosen and not str(row.get("id")).startswith(config.ordinary_left_out)
    ]
    others = sorted(left, key=_by_hash)[:ordinary]
    return [labelled(row) for row in [*close, *others]]


def labelled(row: Mapping[str, Any]) -> Example:
    """What a row says of harm and topic.

    A row with an answer is harmful if that refuses, and a job for another tool if that is `none`; one without is
    harmful unless it says otherwise. A harmful one may be either, so that of those only a mark tells, and thanks at the
    end of a conversation about tasks make that no job for another tool.
    """
    text, action = user_text(row["messages"]), _action(row)
    harmful = action == REFUSED if row["messages"][-1]["role"] == "assistant" else row.get("harmful", True)
    in_doubt = harmful or (action == FOREIGN and sum(turn["role"] == "user" for turn in row["messages"]) > 1)
    return Example(text, harmful, row.get("off_topic", None if in_doubt else action == FOREIGN))


def _by_hash(row: Mapping[str, Any]) -> str:
    return sha256_bytes(user_text(row["messages"]).encode())


def _action(row: Mapping[str, Any]) -> str:
    return str(json_object(row["messages"][-1]["content"]).get("action", ""))


def distinct(found: Iterable[Example]) -> list[Example]:
    """Each text once, in its first place."""
    return list({example.text: example for example in found}.values())
