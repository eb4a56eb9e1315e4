"""What a person does in the browser, by the calls that the browser makes, on the real web server with its daemon."""

from collections.abc import Iterator

import pytest

from llmops_assets.pipeline import graph
from llmops_assets_tests.defs.ui_calls import Run, Ui
from llmops_assets_tests.defs.web_server import web_server
from llmops_assets_tests.striking import Moment
from llmops_assets_tests.tiny_project import PRODUCTS, RED_DATA, TinyProject
from llmops_assets_tests.training.killing import gone_within

ASSETS = [node.name for node in graph.NODES]
CURATION = [node.name for node in graph.NODES if node.stage == "data"]
GREEN_DATA = {"data": {"coverage_minima": {"list": 10}}}
ENDLESS = {"training": {"sft_epochs": 4000}, **GREEN_DATA}
SFT_BEGUN = Moment("sft_adapter")


@pytest.fixture(scope="module")
def project(made_project: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyProject]:
    """TaskMaster is made, CodeReviewer's first gate is red, DocWriter is untouched."""
    copy = made_project.copy(tmp_path_factory.mktemp("web") / "project")
    copy.change_recipe("CodeReviewer", {**RED_DATA, "stop_on_failure": False})
    yield copy
    copy.stop_server()


@pytest.fixture(scope="module")
def ui(project: TinyProject) -> Iterator[Ui]:
    with web_server(project) as server:
        yield Ui(server)


def overlapping(runs: list[Run]) -> list[tuple[Run, Run]]:
    """Runs of one product of which one began before the other had ended."""
    ordered = sorted(runs, key=lambda run: run.start)
    pairs = [(one, other) for place, one in enumerate(ordered) for other in ordered[place + 1 :]]
    return [(one, other) for one, other in pairs if one.product == other.product and other.start < one.end]


def granted(ui: Ui) -> dict[str, bool]:
    """The runs that asked for a place in the pool -> whether they have it."""
    return {step["runId"]: step["assignedTimestamp"] is not None for step in ui.pool()["pendingSteps"]}


def test_one_asset_and_then_one_product_materialise(ui: Ui, project: TinyProject) -> None:
    one = ui.ended(ui.launch(["curated_conversations"], "DocWriter"))
    assert one.status == "SUCCESS"
    assert {asset for asset in CURATION if project.store.find(asset, "DocWriter")} == {"curated_conversations"}
    whole = ui.ended(ui.launch(CURATION, "DocWriter"))
    assert whole.status == "SUCCESS"
    assert ui.made(whole.id) == {asset: asset == "curated_conversations" for asset in CURATION}
    assert set(ui.check("sft_dataset", "splits_are_disjoint")["succeededPartitions"]) == {"TaskMaster", "DocWriter"}


def test_a_backfill_of_all_products_lets_the_green_ones_through_and_its_own_status_hides_the_red_one(
    ui: Ui, project: TinyProject
) -> None:
    backfill = ui.backfill(["curated_conversations"], PRODUCTS)
    ended = ui.ended_backfill(backfill, len(PRODUCTS))
    assert ended == {"TaskMaster": "SUCCESS", "CodeReviewer": "FAILURE", "DocWriter": "SUCCESS"}
    covered = ui.check("curated_conversations", "every_category_is_covered")
    assert covered["failedPartitions"] == ["CodeReviewer"]
    ui.server.wait(lambda: ui.backfill_status(backfill) != "REQUESTED")
    assert ui.backfill_status(backfill) == "COMPLETED_SUCCESS"
    said = project.llmops("backfills", code=1).stdout.splitlines()
    assert said[0].startswith(backfill)
    assert said[0].endswith("2 of 3 green; Dagster says COMPLETED_SUCCESS")
    assert [line.split() for line in said[1:] if not line.startswith("    ")] == [
        ["CodeReviewer", "failed"],
        ["DocWriter", "green"],
        ["TaskMaster", "green"],
    ]
    assert "    red: curated_conversations: every_category_is_covered: coverage 0, wanted >= 1" in said


@pytest.mark.slow
def test_everything_of_all_products_is_made_but_for_what_the_red_gate_stops(ui: Ui, project: TinyProject) -> None:
    ended = ui.ended_backfill(ui.backfill(ASSETS, PRODUCTS), len(PRODUCTS))
    assert ended == {"TaskMaster": "SUCCESS", "CodeReviewer": "FAILURE", "DocWriter": "SUCCESS"}
    made = {product: {asset for asset in ASSETS if project.store.find(asset, product)} for product in PRODUCTS}
    assert made == {
        "TaskMaster": set(ASSETS),
        "CodeReviewer": {"curated_conversations", "eval_dataset"},
        "DocWriter": set(ASSETS),
    }


def test_a_mended_run_goes_on_from_its_failure(ui: Ui, project: TinyProject) -> None:
    failed = ui.ended(ui.launch(CURATION, "CodeReviewer"))
    assert failed.status == "FAILURE"
    assert set(ui.made(failed.id)) == {"curated_conversations", "eval_dataset"}
    project.change_recipe("CodeReviewer", GREEN_DATA)
    again = ui.ended(ui.again(failed.id))
    assert again.status == "SUCCESS"
    assert ui.made(again.id).keys() == set(CURATION) - {"eval_dataset"}


def test_two_backfills_at_once_make_nothing_twice_and_no_product_at_the_same_time(ui: Ui, project: TinyProject) -> None:
    before = {product: project.store.versions("sft_dataset", product) for product in PRODUCTS}
    for product in PRODUCTS:
        project.change_recipe(product, {"data": {**GREEN_DATA["data"], "train_split": 0.7}})
    backfills = [ui.backfill(CURATION, PRODUCTS) for _ in range(2)]
    for backfill in backfills:
        assert ui.ended_backfill(backfill, len(PRODUCTS)) == dict.fromkeys(PRODUCTS, "SUCCESS")
    runs = [run for backfill in backfills for run in ui.runs(backfill)]
    assert overlapping(runs) == []
    for product in PRODUCTS:
        assert sorted(ui.made(run.id)["sft_dataset"] for run in runs if run.product == product) == [False, True]
        assert len(project.store.versions("sft_dataset", product)) == len(before[product]) + 1


def test_a_cancelled_training_ends_its_child_and_makes_room_for_the_next(ui: Ui, project: TinyProject) -> None:
    project.change_recipe("TaskMaster", ENDLESS)
    cancelled = ui.launch(["sft_adapter"], "TaskMaster")
    ui.server.wait(lambda: SFT_BEGUN.child(project) is not None)
    child = SFT_BEGUN.child(project)
    waiting = ui.launch([*CURATION, "sft_adapter"], "DocWriter")
    ui.server.wait(lambda: waiting in granted(ui))
    assert granted(ui) == {cancelled: True, waiting: False}
    assert [slot["runId"] for slot in ui.pool()["claimedSlots"]] == [cancelled]
    ui.cancel_run(cancelled)
    assert ui.ended(cancelled).status == "CANCELED"
    assert child is not None
    assert gone_within(child, 15)
    assert ui.ended(waiting).status == "SUCCESS"
    assert ui.made(waiting)["sft_adapter"] is False
    assert ui.pool()["claimedSlots"] == []
    assert project.store.find("sft_adapter", "DocWriter") is not None


@pytest.mark.slow
def test_a_cancelled_backfill_ends_the_training_and_those_that_wait(ui: Ui, project: TinyProject) -> None:
    for product in PRODUCTS:
        project.change_recipe(product, ENDLESS)
    backfill = ui.backfill([*CURATION, "sft_adapter"], PRODUCTS)
    ui.server.wait(lambda: bool(ui.pool()["claimedSlots"]) and len(ui.runs(backfill)) == len(PRODUCTS))
    ui.cancel_backfill(backfill)
    assert ui.ended_backfill(backfill, len(PRODUCTS)) == dict.fromkeys(PRODUCTS, "CANCELED")
    ui.server.wait(lambda: ui.backfill_status(backfill) == "CANCELED")
    assert ui.pool()["claimedSlots"] == []
    said = project.llmops("backfills", "--most", "1", code=1).stdout.splitlines()
    assert [line.split() for line in said[1:] if not line.startswith("    ")] == [
        [product, "cancelled"] for product in sorted(PRODUCTS)
    ]


@pytest.mark.slow
def test_two_trainings_run_beside_each_other_once_the_page_of_the_pools_allows_two(
    ui: Ui, project: TinyProject
) -> None:
    ui.limit_pool(2)
    products = PRODUCTS[:2]
    for product in products:
        project.change_recipe(product, ENDLESS)
    runs = {ui.launch([*CURATION, "sft_adapter"], product) for product in products}
    ui.server.wait(lambda: {slot["runId"] for slot in ui.pool()["claimedSlots"]} == runs)
    for run in runs:
        ui.cancel_run(run)
    assert {ui.ended(run).status for run in runs} == {"CANCELED"}
    assert ui.pool()["limit"] == 2
