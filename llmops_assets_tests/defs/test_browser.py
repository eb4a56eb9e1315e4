"""A walk through Dagster's UI in Chromium: the graph, a backfill from its dialog, the red check, health, metadata, plots."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from llmops_assets.pipeline import graph
from llmops_assets_tests.chromium import NEEDS_BROWSER
from llmops_assets_tests.defs.web_pages import WebPages, web_pages
from llmops_assets_tests.defs.web_server import RUNS, WebServer, web_server
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject

pytestmark = NEEDS_BROWSER
CURATED, COVERED = "curated_conversations", "every_category_is_covered"
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
    """The tab; no page of the test may have logged an error, failed to load something, or asked another machine."""
    tab.complaints.clear()
    yield tab
    assert tab.complaints == []


@pytest.fixture(scope="module")
def backfilled(tab: WebPages, server: WebServer) -> dict[str, str]:
    """Curation of two products, launched by hand; product -> how its run ended."""
    dialog = tab.fill_backfill("curation", ["CodeReviewer", "DocWriter"])
    expect(dialog).to_contain_text("2 partitions")
    name = tab.launch_backfill(dialog)
    server.wait(lambda: server.ask(RUNS, id=name)["status"] not in ("REQUESTED", "FAILING"))
    runs = server.ask(RUNS, id=name)["runs"]
    return {tag["value"]: run["status"] for run in runs for tag in run["tags"] if tag["key"] == "dagster/partition"}


def test_the_graph_draws_every_asset_in_the_group_of_its_stage(pages: WebPages) -> None:
    boxes = pages.open_graph()
    groups = {graph.GROUPS.get(stage, stage) for stage in graph.STAGES}
    assets = {node.name.replace(CURATED, "cur…_conversations") for node in graph.NODES}
    for name in groups | assets:
        expect(boxes.get_by_text(name, exact=True)).to_be_visible()


def test_a_backfill_from_the_dialog_runs_each_chosen_product(
    pages: WebPages, backfilled: dict[str, str], project: TinyProject
) -> None:
    assert backfilled == {"CodeReviewer": "FAILURE", "DocWriter": "SUCCESS"}
    assert all(project.store.find(asset, "DocWriter") for asset in CURATION)


@pytest.mark.usefixtures("backfilled")
def test_the_red_check_says_what_was_wanted_and_what_came(pages: WebPages) -> None:
    shown = pages.open_check(CURATED, COVERED)
    expect(shown).to_contain_text("Every category is covered: coverage >= 1 unless the product's recipe says otherwise.")
    expect(shown.get_by_role("row", name=re.compile("threshold"))).to_contain_text("1")
    pages.page.get_by_role("tab", name="Partitions").last.click()
    expect(shown).to_contain_text("CodeReviewer")
