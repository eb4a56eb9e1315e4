"""A walk through Dagster's UI in Chromium: the graph, a backfill from its dialog, the red check, health, metadata, plots."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from llmops_assets.pipeline import graph
from llmops_assets_tests.chromium import NEEDS_BROWSER
from llmops_assets_tests.defs.ui_calls import Ui
from llmops_assets_tests.defs.web_pages import WebPages, web_pages
from llmops_assets_tests.defs.web_server import WebServer, web_server
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject

pytestmark = NEEDS_BROWSER
CURATION = [node.name for node in graph.NODES if node.stage == "data"]


@pytest.fixture(scope="module")
def project(made_project: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyProject]:
    """TaskMaster is made, CodeReviewer's first gate will be red, DocWriter's green."""
    copy = made_project.copy(tmp_path_factory.mktemp("browser") / "project")
    copy.change_recipe("CodeReviewer", RED_DATA)
    yield copy
    copy.stop_server()


@pytest.fixture(scope="module")
def server(project: TinyProject) -> Iterator[WebServer]:
    with web_server(project) as running:
        yield running


@pytest.fixture(scope="module")
def tab(server: WebServer) -> Iterator[WebPages]:
    with web_pages(server.url) as pages:
        yield pages


@pytest.fixture
def pages(tab: WebPages) -> Iterator[WebPages]:
    """The tab. No page may have logged an error, failed to load something, or asked another machine."""
    yield tab
    assert tab.complaints == []


@pytest.fixture(scope="module")
def backfilled(tab: WebPages, server: WebServer) -> dict[str, str]:
    """Curation of two products, launched by clicks; product -> how its run ended."""
    dialog = tab.fill_backfill("curation", ["CodeReviewer", "DocWriter"])
    expect(dialog).to_contain_text("4 assets")
    expect(dialog).to_contain_text("2 partitions")
    return Ui(server).ended_backfill(tab.launch_backfill(dialog), 2)


def test_the_graph_draws_every_asset_and_the_group_of_every_stage(pages: WebPages) -> None:
    boxes = pages.open_graph()
    groups = {graph.GROUPS.get(stage, stage) for stage in graph.STAGES}
    assets = {node.name for node in graph.NODES} - {"curated_conversations"}
    for name in [*groups, *assets, "cur…_conversations"]:
        expect(boxes.get_by_text(name, exact=True)).to_be_visible()


def test_a_backfill_from_the_dialog_runs_each_chosen_product(
    pages: WebPages, backfilled: dict[str, str], project: TinyProject
) -> None:
    assert backfilled == {"CodeReviewer": "FAILURE", "DocWriter": "SUCCESS"}
    assert all(project.store.find(asset, "DocWriter") for asset in CURATION)
    assert pages.page.url.startswith(f"{pages.url}/runs/b/")


@pytest.mark.usefixtures("backfilled")
def test_the_red_check_says_what_came_and_what_was_wanted(pages: WebPages) -> None:
    page = pages.open_check_of("curated_conversations", "every_category_is_covered", "CodeReviewer")
    expect(page).to_contain_text("Failed (1)")
    expect(page).to_contain_text("Passed (2)")
    expect(page).to_contain_text("coverage 0, wanted >= 1")
    for name, value in {"threshold": ">= 1", "value": "0", "outcome": "failed"}.items():
        expect(page.get_by_text(name, exact=True).locator("xpath=following::*[1]")).to_have_text(value)


def test_a_check_says_before_any_run_what_it_asks_for(pages: WebPages) -> None:
    page = pages.open_check("eval_report", "accuracy_meets_threshold")
    expect(page).to_contain_text(
        "Accuracy meets threshold: accuracy >= 0.85 unless the product's recipe says otherwise."
    )


@pytest.mark.usefixtures("backfilled")
def test_health_is_per_product(pages: WebPages) -> None:
    page = pages.open_product("sft_dataset", "DocWriter")
    expect(page).to_contain_text("Failed (1)")
    expect(page).to_contain_text("Materialized (2)")


@pytest.mark.parametrize(
    ("asset", "plot"),
    [("curated_conversations", "data_plot"), ("sft_adapter", "curves_plot"), ("dpo_model", "curves_plot")],
)
def test_a_plot_is_drawn_and_fits_its_dialog(pages: WebPages, asset: str, plot: str) -> None:
    rows = pages.open_product(asset, "TaskMaster").get_by_role("row")
    image = pages.open_markdown(rows.filter(has_text=plot)).get_by_role("img").last
    expect(image).to_be_visible()
    assert 700 <= image.evaluate("async image => { await image.decode(); return image.naturalWidth }") <= 1100


def test_a_report_shows_its_gates_first_opens_in_place_and_says_where_its_page_lies(
    pages: WebPages, project: TinyProject
) -> None:
    rows = pages.open_product("eval_report", "TaskMaster").get_by_role("row")
    expect(rows.first).to_contain_text("gates")
    expect(rows.first.get_by_role("columnheader")).to_have_text(["metric", "value", "threshold", "n", "outcome"])
    page = project.store.latest("eval_report", "TaskMaster").path.name
    expect(rows.filter(has_text="eval_report_html")).to_contain_text(f"{page}/eval_report.html")
    dialog = pages.open_markdown(rows.filter(has_text="report_markdown"))
    expect(dialog).to_contain_text("Accuracy on requests as people write them")
