"""What the splits as written share with each other and with the evaluation, counted by words.

Apart from what filled them: a fault of the rules that keep rows out, or that choose a side, shows here.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llmops_assets.curation.contamination import RUN, request_words, runs
from llmops_assets.curation.deduplication import exact_key
from llmops_assets.curation.records import record_from
from llmops_assets.storage.atomic import each_row


def split_overlap(train: Path, validation: Path) -> int:
    """Rows of the validation whose conversation or group trains."""
    trained: set[int | str] = set()
    for row in each_row(train):
        trained |= {row["group"], exact_key(record_from(row))}
    return sum(not trained.isdisjoint((row["group"], exact_key(record_from(row)))) for row in each_row(validation))


def contaminated(files: Iterable[Path], cases: Iterable[Mapping[str, Any]]) -> int:
    """Rows whose request is that of a case, or has eight words in a row of one."""
    asked = {said for case in cases for said in _said(case)}
    return sum(not asked.isdisjoint(_said(row)) for path in files for row in each_row(path))


def _said(row: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    words = request_words(row["messages"])
    return (words, *runs(words, RUN))
