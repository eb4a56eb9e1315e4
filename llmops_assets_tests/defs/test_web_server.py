"""What a person does in the browser, by the calls that the browser makes, on the real web server with its daemon."""

from collections.abc import Iterator

import pytest

from llmops_assets.pipeline import graph
from llmops_assets_tests.defs.web_server import WebServer, web_server
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject

ASSETS = [node.name for node in graph.NODES]
CURATION = [node.name for node in graph.NODES if node.stage == "data"]


@pytest.fixture(scope="module")
def project(made_project: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyProject]:
    """TaskMaster is made, CodeReviewer's first gate is red, DocWriter is untouched."""
    copy = made_project.copy(tmp_path_factory.mktemp("web") / "project")
    copy.change_recipe("CodeReviewer", {**RED_DATA, "stop_on_failure": False})
    yield copy
    copy.stop_server()


@pytest.fixture(scope="module")
def server(project: TinyProject) -> Iterator[WebServer]:
    with web_server(project) as running:
        yield running


def test_one_product_materialises_from_the_api_of_the_ui(server: WebServer, project: TinyProject) -> None:
    assert server.materialise(CURATION, "DocWriter") == "SUCCESS"
    assert all(project.store.find(asset, "DocWriter") for asset in CURATION)
    assert set(server.check("sft_dataset", "splits_are_disjoint")["succeededPartitions"]) == {"TaskMaster", "DocWriter"}


def test_a_backfill_over_products_lets_the_green_one_through_and_stops_the_red_one(
    server: WebServer, project: TinyProject
) -> None:
    ended = server.backfill(ASSETS, ["TaskMaster", "CodeReviewer"])
    assert ended == {"TaskMaster": "SUCCESS", "CodeReviewer": "FAILURE"}
    made = {asset for asset in ASSETS if project.store.find(asset, "CodeReviewer")}
    assert made == {"curated_conversations", "eval_dataset"}
    covered = server.check("curated_conversations", "every_category_is_covered")
    assert covered["failedPartitions"] == ["CodeReviewer"]
    assert "TaskMaster" in covered["succeededPartitions"]
