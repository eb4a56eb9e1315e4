"""The vendored files are what the collectors promise: small, licensed, split by package, in the notice."""

from collections import Counter
from pathlib import Path

import pytest

from llmops_assets.curation.collecting.collectors import collect, collectors_of
from llmops_assets.errors import DataError
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks.review_rules import BY_NAME

DATA = Path(__file__).parents[3] / "data"
PRODUCTS = ("TaskMaster", "CodeReviewer", "DocWriter")
COLLECTORS = [collector for product in PRODUCTS for collector in collectors_of(product)]
LICENCES = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC"}


def test_a_product_without_collectors_is_told_where_to_put_records(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data/raw/Fourth"):
        collect("Fourth", tmp_path, print, cache=tmp_path / "cache")


@pytest.mark.parametrize("path", [collector.path for collector in COLLECTORS])
def test_vendored_files_are_small_and_clean(path: str) -> None:
    file = DATA / path
    assert file.stat().st_size < 6_000_000
    text = file.read_text(encoding="utf-8")
    assert "\ufffd" not in text
    rows = read_jsonl(file)
    assert len({row.get("id", row.get("text")) for row in rows}) == len(rows)
    assert {row["license"] for row in rows} <= LICENCES


def test_the_notice_names_every_pinned_package_with_its_terms() -> None:
    notice = (DATA / "NOTICE").read_text(encoding="utf-8")
    for collector in COLLECTORS:
        for carrier in collector.carriers:
            assert f"{carrier.name} {carrier.version} | {carrier.license} | {carrier.copyright}" in notice


def test_rows_come_from_pinned_packages_only() -> None:
    for collector in COLLECTORS:
        sources = {row["source"].split(" ")[0] for row in read_jsonl(DATA / collector.path)}
        assert sources <= {carrier.source for carrier in collector.carriers}


@pytest.mark.parametrize("product", ["CodeReviewer", "DocWriter"])
def test_training_and_evaluation_share_no_package_and_no_function(product: str) -> None:
    raw, held_out = (read_jsonl(DATA / collector.path) for collector in collectors_of(product))
    assert not {row["package"] for row in raw} & {row["package"] for row in held_out}
    assert not {row["messages"][0]["content"] for row in raw} & {row["messages"][0]["content"] for row in held_out}
    assert len(held_out) >= 500
    assert len(raw) >= 3000


def test_a_third_of_the_reviews_are_clean_and_every_rule_is_there() -> None:
    for path, least in (
        ("raw/CodeReviewer/ruff_findings.jsonl", 330),
        ("eval/CodeReviewer/contract.jsonl", 28),
    ):
        rows = read_jsonl(DATA / path)
        rules = Counter(rule for row in rows for rule in row["meta"]["rules"])
        assert sum(row["category"] == "clean" for row in rows) >= 0.3 * len(rows)
        assert min(rules[name] for name in BY_NAME) >= least


def test_the_part_lists_hold_all_kinds() -> None:
    kinds = Counter(
        row["kind"] for name in ("phrases", "titles") for row in read_jsonl(DATA / f"raw/TaskMaster/parts/{name}.jsonl")
    )
    assert kinds["due"] > 300
    assert kinds["repeat"] > 90
    assert kinds["title"] > 400


def test_human_labels_are_both_refusals_and_answers() -> None:
    rows = read_jsonl(DATA / "eval/refusal_labels.jsonl")
    assert Counter(row["expected"] for row in rows if row["kind"] == "refusal") == {True: 109, False: 60}
    assert sum(row["kind"] == "harm" for row in rows) > 500
