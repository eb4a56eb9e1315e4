"""The datasets of the three products come out with the same bytes on every machine.

`dataset_digests.json` holds the digests of 2026-11-30: those of an earlier day came out on an Intel Xeon and an AMD EPYC alike,
these on an EPYC. Where rows, recipe or rules change on purpose, `UPDATE_DIGESTS=1` writes them anew.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmops_assets.storage.artifact_store import ArtifactStore
from llmops_assets.storage.atomic import write_text

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = Path(__file__).with_name("dataset_digests.json")
DATASETS = ("curated_conversations", "eval_dataset", "sft_dataset", "preference_dataset")


@pytest.mark.slow
@pytest.mark.parametrize("product", ["TaskMaster", "CodeReviewer", "DocWriter"])
def test_the_datasets_have_the_bytes_that_they_had_elsewhere(product: str, tmp_path: Path) -> None:
    places = {"LLMOPS_STORE": str(tmp_path / "store"), "LLMOPS_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "llmops_assets", "run", product, "--stage", "data"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **places}, check=True, timeout=280)
    made = ArtifactStore(tmp_path / "store")
    digests = {name: made.latest(name, product).digest for name in DATASETS}
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_DIGESTS"):
        expected |= {product: digests}
        write_text(EXPECTED, json.dumps(expected, indent=2) + "\n")
    assert digests == expected.get(product)
