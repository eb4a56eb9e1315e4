"""The pinned packages whose functions are reviewed and documented, as `code_packages.yaml` lists them."""

from pathlib import Path
from typing import Any

import yaml

from llmops_assets.curation.collecting.carriers import Carrier

_TABLE: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))

NEWEST = "3.13"
"""Packages are read and never run, so those for another Python than this one will do."""


def _carriers(product: str, side: str) -> tuple[Carrier, ...]:
    return tuple(
        Carrier(name, row["version"], row["sha256"], row["license"], row["copyright"], python=NEWEST)
        for name, row in _TABLE.items()
        if row.get(product) == side
    )


REVIEW_TRAIN, REVIEW_EVAL = _carriers("review", "train"), _carriers("review", "eval")
DOCUMENT_TRAIN, DOCUMENT_EVAL = _carriers("document", "train"), _carriers("document", "eval")
FOLDERS = {name: row["folder"] for name, row in _TABLE.items() if "folder" in row}
"""Import names that differ from the package's."""
