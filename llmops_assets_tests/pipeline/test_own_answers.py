"""A model's own wrong answers: gathered from the merged model, proven again when they become pairs."""

import shutil
from pathlib import Path

import pytest

from llmops_assets.curation.preferences import OWN
from llmops_assets.errors import StoreError
from llmops_assets.pipeline import data
from llmops_assets.pipeline.own_answers import gather_own_answers
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.storage.atomic import read_jsonl, write_jsonl
from llmops_assets_tests.complaints import workshop
from llmops_assets_tests.tiny_project import TinyProject


@pytest.fixture
def shop(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Curated data, and the untrained base in the place of the merged model."""
    found = workshop(tiny_project, monkeypatch)
    for step in (data.curated_conversations, data.eval_dataset, data.sft_dataset):
        step(found)

    def made(work: Path) -> dict[str, object]:
        shutil.copytree(tiny_project.base, work / "model")
        return metadata({"merge_max_logit_gap": 0.0, "merged_differs_from_base": 1.0, "natural_stop": 1.0})

    assert found.build("merged_model", inputs={}, settings={}, make=made).verdict.passed
    return found


def test_what_a_model_says_wrong_becomes_the_wrong_side_of_pairs(shop: Workshop) -> None:
    file, wrong = gather_own_answers(shop, 12)
    rows = read_jsonl(file)
    assert (len(rows), file.parent.name) == (wrong, "own_answers")
    assert 0 < wrong <= 12
    found = data.preference_dataset(shop).artifact
    pairs = [pair for name in ("train", "validation") for pair in read_jsonl(found.file(f"{name}.jsonl"))]
    own = {pair["id"].removeprefix("pair-"): pair["rejected"] for pair in pairs if pair["category"] == OWN}
    assert own.items() <= {row["id"]: row["answer"] for row in rows}.items()
    assert len(own) == min(wrong, round(0.3 * 24))
    assert all(pair["proven"] for pair in pairs)


def test_an_answer_to_a_row_that_is_gone_or_changed_is_not_used(shop: Workshop) -> None:
    file, _ = gather_own_answers(shop, 12)
    rows = [{**row, "asked": f"{row['asked']}!"} for row in read_jsonl(file)]
    write_jsonl(file, [*rows[:-1], {**rows[-1], "id": "nobody"}])
    found = data.preference_dataset(shop).artifact
    assert OWN not in {pair["category"] for pair in read_jsonl(found.file("train.jsonl"))}


def test_without_a_trained_model_it_says_what_to_do(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="run"):
        gather_own_answers(workshop(tiny_project, monkeypatch), 12)
