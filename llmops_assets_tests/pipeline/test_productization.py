"""What a bundle says of its guard: where the data that it was trained on came from."""

from pathlib import Path

import pytest

from llmops_assets.errors import PackagingError
from llmops_assets.guard.encoder import WEIGHTS
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.productization import shipped_guard
from llmops_assets.pipeline.workshop import Workshop, file_digests, metadata
from llmops_assets.productization.inputs import DataSource
from llmops_assets.project import Project
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Workshop(Project(tmp_path), graph.example_recipe(), lambda _: None)


def trained(shop: Workshop, weights: str = WEIGHTS) -> Artifact:
    """A guard of two files, three rows from two sources."""
    own, theirs = ({"source": "own", "license": "LicenseRef-Project"}, {"source": "theirs", "license": "MIT"})
    files = [
        atomic.write_jsonl(shop.raw / "guard" / "a.jsonl", [own, theirs]),
        atomic.write_jsonl(shop.raw / "guard" / "b.jsonl", [own]),
    ]

    def make(work: Path) -> dict[str, object]:
        atomic.write_text(work / weights, "weights")
        return metadata({"usable": 1})

    inputs = {"sft_dataset": "ab", **file_digests(files, shop.project.data)}
    return shop.build("guard_model", inputs=inputs, settings={}, make=make).artifact


def test_the_guards_data_are_named_by_source_and_licence(shop: Workshop) -> None:
    found = shipped_guard(shop, trained(shop))
    assert found is not None
    assert found.sources == (DataSource("own", "LicenseRef-Project", "", 2), DataSource("theirs", "MIT", "", 1))


def test_data_that_changed_since_the_training_tell_nothing(shop: Workshop) -> None:
    guard = trained(shop)
    (shop.raw / "guard" / "a.jsonl").unlink()
    with pytest.raises(PackagingError, match="materialise guard_model again"):
        shipped_guard(shop, guard)


def test_a_guard_of_rules_only_ships_nothing(shop: Workshop) -> None:
    assert shipped_guard(shop, trained(shop, "notes.txt")) is None
