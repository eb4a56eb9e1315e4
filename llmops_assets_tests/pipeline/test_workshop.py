"""A red evaluation stays red, whatever is edited beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from llmops_assets.errors import ArtifactCorruptError, GateError
from llmops_assets.overrides import Override
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.overridden import REPORT
from llmops_assets.pipeline.workshop import Made, Workshop
from llmops_assets.project import Project
from llmops_assets.storage.atomic import read_json, write_json
from llmops_assets_tests.judged_product import put_grounds, put_report


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Workshop(Project(tmp_path), graph.example_recipe(), lambda _: None)


def evaluated(shop: Workshop) -> Made:
    """An evaluation in which nothing is right."""
    put_grounds(shop)
    return put_report(shop, green=False)


def test_a_verdict_that_was_turned_green_by_hand_lets_nothing_through(shop: Workshop) -> None:
    path = evaluated(shop).artifact.verdict_path
    write_json(path, {**read_json(path), "passed": True})
    with pytest.raises(GateError, match="was edited; materialise eval_report again"):
        shop.need("eval_report")


def test_better_metrics_in_the_manifest_change_no_verdict(shop: Workshop) -> None:
    manifest = evaluated(shop).artifact.path / "manifest.json"
    found = read_json(manifest)
    for metric in found["metadata"]["metrics"].values():
        metric["value"] = 1.0 - metric["value"]
    write_json(manifest, found)
    assert not evaluated(shop).verdict.passed
    with pytest.raises(GateError, match="did not pass its gates"):
        shop.need("eval_report")


def test_better_metrics_in_the_report_are_another_content_than_the_digest_says(shop: Workshop) -> None:
    report = evaluated(shop).artifact.path / REPORT
    found = read_json(report)
    for metric in found["metrics"].values():
        metric["value"] = 1.0 - metric["value"]
    write_json(report, found)
    with pytest.raises(ArtifactCorruptError):
        shop.need("eval_report")


def test_an_override_is_for_a_red_verdict_never_for_a_missing_one(shop: Workshop) -> None:
    path = evaluated(shop).artifact.verdict_path
    bold = replace(shop, override=Override(name="Ana", reason="demo for one customer"))
    assert bold.need("eval_report").asset == "eval_report"
    path.unlink()
    with pytest.raises(GateError, match="found none"):
        bold.need("eval_report")
