"""What rows are worth at equal training tokens: exact answers to requests of a writer who wrote none of the training rows.

`python benchmarks/data_value.py [--tokens 40000] [--only NAME ...]`: each variant trains the embedded base on so many tokens of
TaskMaster's rows, merges, and answers the 400 requests of written_8.jsonl, greedily, as F16. The evaluation sets are not
touched. About two minutes a variant on 2 cores that multiply bfloat16; two epochs take twice the tokens.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.curation.composing.commands import Parts, compose
from llmops_assets.export.gguf import write_gguf
from llmops_assets.pipeline.export import Answering
from llmops_assets.project import Project
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage.atomic import read_jsonl, write_jsonl
from llmops_assets.tasks.registry import get_task
from llmops_assets.training.base_model import EMBEDDED, load_tokenizer, resolve_base
from llmops_assets.training.rows import load_rows
from llmops_assets.training.stages import make_merged_model, make_sft_adapter

ROOT = Path(__file__).resolve().parents[1]
RAW, CACHE = ROOT / "data" / "raw" / "TaskMaster", Project(ROOT).home / "cache"
RATE = 2.5e-3
Rows = list[dict[str, Any]]


def written() -> Rows:
    """The rows of seven writers, by turns, so that any beginning has all of them."""
    files = [read_jsonl(RAW / f"written_{number}.jsonl") for number in range(1, 8)]
    return [row for rows in itertools.zip_longest(*files) for row in rows if row is not None]


def composed(count: int) -> Rows:
    """Rows of the grammar around parts that packages carry: no word of it is of the writers."""
    words = [row for name in ("phrases", "titles") for row in read_jsonl(RAW / "parts" / f"{name}.jsonl")]
    kinds = {kind: tuple(row["text"] for row in words if row["kind"] == kind) for kind in ("title", "due", "repeat")}
    return compose(Parts(kinds["title"], kinds["due"], kinds["repeat"], kinds["title"][::5]), count=count, seed=7)


@dataclass(frozen=True)
class Variant:
    """Rows in the order of use, repeated as long as tokens are left."""

    rows: Rows
    rate: float = RATE
    epochs: int = 1
    normalised: bool = False


def variants() -> dict[str, Variant]:
    """What is compared; the first is what the others are a ratio to."""
    people, grammar = written(), composed(6000)
    mixed = [row for pair in zip(people, grammar, strict=False) for row in pair]
    return {
        "composed": Variant(grammar),
        "100 written, again and again": Variant(people[:100]),
        "300 written, again and again": Variant(people[:300]),
        "written and composed by turns": Variant(mixed),
        "written, each once": Variant(people),
        "the same, normalised": Variant(people, normalised=True),
        "the same, rate 1e-3": Variant(people, 1e-3),
        "the same, two epochs": Variant(people, epochs=2),
    }


def normalised(rows: Rows) -> Rows:
    """Requests in small letters, without the mark at their end: what could be done before the model."""
    return [
        {
            **row,
            "messages": [
                {**said, "content": " ".join(said["content"].casefold().split()).rstrip(".!?")}
                if said["role"] == "user"
                else said
                for said in row["messages"]
            ],
        }
        for row in rows
    ]


def filled(rows: Rows, tokens: int, folder: Path) -> tuple[Path, int, int]:
    """A training file of so many tokens; how many rows, and how many different ones."""
    path = write_jsonl(folder / "all.jsonl", rows)
    tokenizer = load_tokenizer(resolve_base(EMBEDDED, CACHE).folder)
    sizes = {row.id: len(row.input_ids) for row in load_rows(path, tokenizer, 256).rows}
    chosen = list(_until(itertools.cycle(rows), sizes, tokens))
    out = [{**row, "id": f"{row['id']}/{number}"} for number, row in enumerate(chosen)]
    return write_jsonl(folder / "train.jsonl", out), len(out), len({row["id"] for row in chosen})


def _until(rows: Iterator[dict[str, Any]], sizes: dict[str, int], tokens: int) -> Iterator[dict[str, Any]]:
    while tokens > 0:
        row = next(rows)
        tokens -= sizes[row["id"]]
        yield row


def measure(variant: Variant, tokens: int, batch: int, tests: Rows) -> dict[str, Any]:
    """Trains, merges, answers, and compares."""
    task, rows = get_task("command"), variant.rows
    if variant.normalised:
        rows, tests = normalised(rows), normalised(tests)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        train, count, distinct = filled(rows, tokens, work)
        held = write_jsonl(work / "held.jsonl", tests)
        config = TrainingConfig(
            base_model=EMBEDDED,
            sft_epochs=variant.epochs,
            sft_batch_size=batch,
            sft_learning_rate=variant.rate,
            max_length=256,
        )
        started = time.monotonic()
        adapter = work / "sft" / "adapter"
        make_sft_adapter(
            work / "sft", base=EMBEDDED, train=train, validation=held, config=config, cache=work / "cache", log=quiet
        )
        seconds = time.monotonic() - started
        merged = work / "merged"
        make_merged_model(merged, base=EMBEDDED, adapter=adapter, config=config, cache=work / "cache", log=quiet)
        gguf = work / "F16.gguf"
        write_gguf(merged / "model", gguf, "benchmark")
        answers = Answering(work / "answers", 1024, 96, quiet)(gguf, [row["messages"][:-1] for row in tests])
    wanted = [{**row, "expected": json.loads(row["messages"][-1]["content"])} for row in tests]
    right = [task.accuracy(said, row).value == 1 for said, row in zip(answers, wanted, strict=True)]
    action = [f'"action":"{row["expected"]["action"]}"' in said for said, row in zip(answers, wanted, strict=True)]
    return {
        "rows": count, "distinct": distinct, "minutes": seconds / 60, "exact": sum(right) / len(right),
        "action": sum(action) / len(action),
    }  # fmt: skip


def quiet(line: str) -> None:
    del line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=8, help="rows a step")
    parser.add_argument("--only", nargs="*", default=[], help="names of variants")
    options = parser.parse_args()
    tests, first = read_jsonl(RAW / "written_8.jsonl"), None
    print(f"{options.tokens} training tokens each, {len(tests)} requests of another writer")
    print(f"{'trained on':<32} {'rows':>5} {'distinct':>8} {'minutes':>7} {'action':>6} {'exact':>6} {'ratio':>6}")
    for name, variant in variants().items():
        if options.only and name not in options.only:
            continue
        found = measure(variant, options.tokens, options.batch, tests)
        first = first or found["exact"]
        print(
            f"{name:<32} {found['rows']:>5} {found['distinct']:>8} {found['minutes']:>7.1f} {found['action']:>6.3f} "
            f"{found['exact']:>6.3f} {found['exact'] / first if first else 0:>6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
