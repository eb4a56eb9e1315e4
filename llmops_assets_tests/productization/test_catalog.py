"""The catalogue page."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from llmops_assets.errors import PackagingError
from llmops_assets.productization.catalog import CatalogRow, offers, write_catalog
from llmops_assets.productization.packaging import BundleResult
from llmops_assets_tests.productization.made_product import made_gates, made_override, made_product


@pytest.fixture
def row(bundle: BundleResult) -> CatalogRow:
    return CatalogRow(made_product(), made_gates(), bundle.metadata(), judged=bundle.manifest["model_sha256"])


def page(work: Path, *rows: CatalogRow) -> str:
    write_catalog(work, rows)
    return (work / "catalog.html").read_text()


def test_the_page_asks_nobody_for_anything(tmp_path: Path, row: CatalogRow) -> None:
    found = page(tmp_path, row)
    assert not re.search(r"<script|<link|<img|src=|@import|url\(|https?://", found)


def test_measured_quality_stands_there_with_n_and_interval(tmp_path: Path, row: CatalogRow) -> None:
    found = page(tmp_path, row)
    for words in (
        "73.1",
        "64.5% to 80.3%",
        "n = 119",
        "89.2%",
        "n = 417",
        "USD 1,500",
        "for sale, all blocking gates green",
    ):
        assert words in found


def test_the_same_rows_give_the_same_bytes(tmp_path: Path, row: CatalogRow) -> None:
    assert page(tmp_path / "a", row) == page(tmp_path / "b", row)
    assert (tmp_path / "a/catalog.json").read_bytes() == (tmp_path / "b/catalog.json").read_bytes()


def test_what_is_not_for_sale_says_why(tmp_path: Path, row: CatalogRow) -> None:
    cases = {
        "not evaluated yet": replace(row, gates=None, bundle=None),
        "a gate is red": replace(row, gates=made_gates(passed=False), bundle=None),
        "the bundle is not built yet": replace(row, bundle=None),
        "the bundle is still of version 1.4.0": replace(row, product=made_product(version="1.3.0")),
        "the bundle holds another file than the one that was judged": replace(row, judged="0" * 64),
        "the verdict is void": replace(row, void="the verdict is void"),
    }
    for number, (words, case) in enumerate(cases.items()):
        assert f"not for sale: {words}" in page(tmp_path / str(number), case) or words in case.obstacle
        assert not json.loads((tmp_path / str(number) / "catalog.json").read_text())["products"][0]["for_sale"]


def test_what_is_sold_by_an_override_says_so_in_red(tmp_path: Path, row: CatalogRow) -> None:
    assert row.bundle is not None
    record = made_override()
    gates = {"passed": False, "overrides": [record.model_dump(mode="json")]}
    bundle = {**row.bundle, "manifest": {**row.bundle["manifest"], "gates": gates}}
    found = page(tmp_path, replace(row, gates=made_gates(passed=False), bundle=bundle))
    assert '<span class="pill bad">for sale, a red gate was overridden</span>' in found
    assert f'<p class="note bad">{html.escape(record.line)}</p>' in found
    assert json.loads((tmp_path / "catalog.json").read_text())["products"][0]["overrides"] == [record.line]


def test_only_what_is_for_sale_is_offered_together(tmp_path: Path, row: CatalogRow) -> None:
    other = replace(row, product=made_product("DocWriter"))
    red = replace(row, product=made_product("CodeReviewer"), gates=made_gates(passed=False), bundle=None)
    write_catalog(tmp_path, [row, other, red])
    bundles = json.loads((tmp_path / "catalog.json").read_text())["bundles"]
    assert [(one["products"], one["tier"], one["price"], one["saving_percent"]) for one in bundles] == [
        (["TaskMaster", "DocWriter"], "Starter", 900, 10),
        (["TaskMaster", "DocWriter"], "Professional", 2700, 10),
    ]


def test_all_together_comes_before_the_pairs() -> None:
    found = offers([made_product(name) for name in ("TaskMaster", "CodeReviewer", "DocWriter")])
    assert [len(price.products) for price in found] == [3, 3, 2, 2, 2, 2, 2, 2]
    assert found[0].price == 1200


def test_words_of_a_recipe_cannot_become_markup(tmp_path: Path, row: CatalogRow) -> None:
    found = page(tmp_path, replace(row, product=made_product(tagline="<script>alert(1)</script>")))
    assert "<script>" not in found


def test_an_empty_catalogue_is_refused(tmp_path: Path, row: CatalogRow) -> None:
    for rows in ([], [row, row]):
        with pytest.raises(PackagingError, match="different names"):
            write_catalog(tmp_path, rows)
