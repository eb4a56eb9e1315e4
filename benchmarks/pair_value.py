"""What preference pairs are worth: none, composed ones, and the model's own wrong answers, on the model that `make run` left.

`python benchmarks/pair_value.py [--requests 1500]`: the merged TaskMaster model of the artifact store answers requests of its
training rows once each at temperature 1; what the scorer calls wrong becomes the rejected side of a pair (on-policy), the row's
own answer the chosen one. The same number of pairs of `preference_dataset` (composed by damage) stands beside them, and half of
each. All then answer the validation requests, greedily, as F16: none of these was trained on, and the evaluation sets are not
touched. Needs `make run` first; about ten minutes on 2 cores.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.curation.preferences import OWN
from llmops_assets.errors import StoreError
from llmops_assets.export.gguf import write_gguf
from llmops_assets.pipeline.export import Answering
from llmops_assets.pipeline.own_answers import is_right, sampled
from llmops_assets.project import find_project
from llmops_assets.recipes.loading import load_recipe
from llmops_assets.storage.atomic import read_jsonl, write_jsonl
from llmops_assets.tasks.registry import get_task
from llmops_assets.training.stages import make_dpo_model
from llmops_assets.training.validation import evenly

PRODUCT, CONTEXT, MAX_TOKENS, HELD_OUT = "TaskMaster", 1024, 96, 10
TASK = get_task("command")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Given:
    """What the last `make run` left.

    Attributes:
        pairs: composed pairs.
        validation: rows that nothing was trained on.
    """

    merged: Path
    config: Any
    train: Rows
    pairs: Rows
    validation: Path


def given() -> Given:
    """The newest artifacts of TaskMaster."""
    project = find_project()
    store, recipe = project.store, load_recipe(project.recipes / "task_master.yaml")
    sft, pairs = store.latest("sft_dataset", PRODUCT), store.latest("preference_dataset", PRODUCT)
    return Given(
        merged=store.latest("merged_model", PRODUCT).file("model"),
        config=recipe.training,
        train=read_jsonl(sft.file("train.jsonl")),
        pairs=[
            pair
            for pair in [*read_jsonl(pairs.file("train.jsonl")), *read_jsonl(pairs.file("validation.jsonl"))]
            if pair["category"] != OWN
        ],
        validation=sft.file("validation.jsonl"),
    )


def on_policy(gguf: Path, rows: Rows) -> Rows:
    """A pair for each row that is answered wrong at temperature 1."""
    return [
        {
            "id": f"own-{row['id']}",
            "prompt": row["messages"][:-1],
            "chosen": row["messages"][-1]["content"],
            "rejected": answer,
            "category": OWN,
            "proven": True,
        }
        for row, answer in zip(rows, sampled(gguf, rows, context=CONTEXT, limit=MAX_TOKENS), strict=True)
        if answer.strip() and not is_right(TASK, answer, row)
    ]


def aligned(start: Given, pairs: Rows, work: Path) -> tuple[Path, dict[str, Any]]:
    """The model after DPO on these pairs, but for the last ones."""
    made = make_dpo_model(
        work,
        merged=start.merged,
        pairs=write_jsonl(work / "pairs.jsonl", pairs[:-HELD_OUT]),
        validation_pairs=write_jsonl(work / "held_out.jsonl", pairs[-HELD_OUT:]),
        validation=start.validation,
        config=start.config.model_copy(update={"dpo_pairs": 0}),
        cache=work / "cache",
        log=quiet,
    )
    return work / "model", made


def judged(model: Path, rows: Rows, work: Path) -> list[bool]:
    """Which validation requests a model answers right."""
    work.mkdir(parents=True, exist_ok=True)
    gguf = work / "F16.gguf"
    write_gguf(model, gguf, "benchmark")
    said = Answering(work / "answers", CONTEXT, MAX_TOKENS, quiet)(gguf, [row["messages"][:-1] for row in rows])
    return [is_right(TASK, answer, row) for answer, row in zip(said, rows, strict=True)]


def quiet(line: str) -> None:
    del line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1500, help="how many are answered for on-policy pairs")
    parser.add_argument("--pairs", type=int, default=240, help="at most so many of each kind")
    options = parser.parse_args()
    try:
        start = given()
    except StoreError as error:
        print(f"left out, it needs the model that `make run` leaves: {error}")
        return
    rows = read_jsonl(start.validation)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        before = judged(start.merged, rows, root / "none")
        own = on_policy(root / "none" / "F16.gguf", list(evenly(start.train, options.requests)))
        count = min(len(own), len(start.pairs), options.pairs)
        print(
            f"{len(own)} of {options.requests} answers at temperature 1 were wrong; {count} pairs each, {len(rows)} requests"
        )
        print(f"{'pairs':<10} {'seconds':>7} {'margin':>7} {'mended':>6} {'broken':>6} {'exact':>6} {'ratio':>6}")
        print(f"{'none':<10} {'':>7} {'':>7} {'':>6} {'':>6} {sum(before) / len(rows):>6.3f} {1:>6.2f}", flush=True)
        half = [pair for both in zip(own, start.pairs, strict=False) for pair in both]
        for kind, pairs in (("composed", start.pairs), ("on-policy", own), ("half each", half)):
            started = time.monotonic()
            work = root / kind.replace(" ", "_")
            work.mkdir()
            model, made = aligned(start, pairs[:count], work)
            seconds = time.monotonic() - started
            after = judged(model, rows, work / "judged")
            mended = sum(now and not then for then, now in zip(before, after, strict=True))
            broken = sum(then and not now for then, now in zip(before, after, strict=True))
            print(
                f"{kind:<10} {seconds:>7.0f} {made['dpo_margin']:>7.3f} {mended:>6} {broken:>6} "
                f"{sum(after) / len(rows):>6.3f} {sum(after) / max(sum(before), 1):>6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
