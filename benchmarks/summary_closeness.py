"""What a cosine between two summaries tells: people against other functions' people, and against people on the same name.

    python benchmarks/summary_closeness.py

Twenty seconds. DocWriter's accuracy wants `MIN_CLOSENESS`; no model has a part in it.
"""

import random
from collections import defaultdict
from pathlib import Path

from llmops_assets.console import say
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks.docstring import MIN_CLOSENESS, parse
from llmops_assets.tasks.minilm import closeness

DATA = Path(__file__).resolve().parents[1] / "data"
ANY = {"main", "run", "call", "forward", "__init__", "__call__"}
"""Names that say nothing about what a function does."""


def strangers() -> list[float]:
    """Each author's summary of an evaluation case against one of another function."""
    texts = [case["expected"] for case in read_jsonl(DATA / "eval/DocWriter/contract.jsonl")]
    summaries = sorted({found.summary for text in texts if (found := parse(text))})
    random.Random(0).shuffle(summaries)
    return [closeness(*pair) for pair in zip(summaries, [*summaries[1:], summaries[0]], strict=True)]


def namesakes() -> list[float]:
    """Two summaries of functions of one name, a pair a name, of the training data."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in read_jsonl(DATA / "raw/DocWriter/google_docstrings.jsonl"):
        docstring = parse(row["messages"][-1]["content"])
        if docstring and docstring.summary not in found[row["meta"]["function"]]:
            found[row["meta"]["function"]].append(docstring.summary)
    return [closeness(*texts[:2]) for name, texts in sorted(found.items()) if len(texts) > 1 and name not in ANY]


def main() -> None:
    """Prints the shares that reach each cosine."""
    other, same = strangers(), namesakes()
    say(f"{len(other)} pairs of other functions, {len(same)} pairs of one name")
    for line in (0.15, 0.2, MIN_CLOSENESS, 0.3, 0.35, 0.4):
        shares = [sum(value >= line for value in values) / len(values) for values in (other, same)]
        mark = "  <- MIN_CLOSENESS" if line == MIN_CLOSENESS else ""
        say(f"cosine {line:.2f}: other functions {shares[0]:.3f}, one name {shares[1]:.3f}{mark}")


if __name__ == "__main__":
    main()
