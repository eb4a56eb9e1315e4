"""Tags, the calendar, drift and ratings: what each asks for on a real repository, store and instance; and who switches them on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from llmops_assets.definitions import defs
from llmops_assets.defs.schedules import hourly_drift, weekly_retraining
from llmops_assets.defs.sensors import drift_detected, feedback_ready, release_tagged
from llmops_assets.deployment.line_log import append_line
from llmops_assets.deployment.releases import Release, ReleaseRecord, now_text
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.drift import drift_report
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.traffic import feedback_log
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.recipes.loading import load_recipes
from llmops_assets.recipes.monitoring import DriftConfig
from llmops_assets.storage.atomic import write_json
from llmops_assets_tests.defs.ticking import Ticking
from llmops_assets_tests.defs.ticking import repository as repository_of_code
from llmops_assets_tests.monitoring.traffic import traffic
from llmops_assets_tests.tiny_project import TinyProject
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository

PRODUCTS = {"TaskMaster", "CodeReviewer", "DocWriter"}
RAW = {f"data/raw/{product}/rows.jsonl": "{}\n" for product in PRODUCTS}
MONDAY = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def kept_instance() -> Iterator[dg.DagsterInstance]:
    """One on disk: a schedule's tick opens it by its address."""
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def shop(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """TaskMaster of a project that has made nothing yet."""
    project = tiny_project.enter(monkeypatch)
    return Workshop(project, load_recipes(project.recipes)["TaskMaster"], lambda _: None)


@pytest.fixture
def repository(shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataRepository:
    made = data_repository(tmp_path / "data")
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", str(made.remote))
    made.push(RAW)
    return made


def deploy(shop: Workshop, version: str = "0.1.0") -> None:
    """A version serves: what the deployment leaves behind, without a server."""
    release = Release(shop.recipe.deployment.model_name, version, "ab12", "cd34")
    ReleaseRecord(rollout_state(shop) / RECORD).add(release)

    def make(work: Path) -> dict[str, Any]:
        write_json(work / "deployment.json", version)
        return metadata({}, version=version)

    for asset in ("ollama_deployment", "monitoring_profile"):
        shop.store.build(asset, shop.product, inputs={}, settings=version, code_version="1", make=make)


def measure(shop: Workshop, prompt_chars: float) -> None:
    """A drift report on requests of this length; those of the baseline have 60 characters."""
    baseline = build_baseline(traffic(1, 400), product=shop.product, version="0.1.0", evaluation_metrics={})
    report = drift_report(baseline, traffic(7, 400, prompt_chars=prompt_chars), DriftConfig())

    def make(work: Path) -> dict[str, Any]:
        write_json(work / "drift.json", report.as_dict())
        return metadata({})

    shop.store.build("drift_report", shop.product, inputs={}, settings=prompt_chars, code_version="1", make=make)


def rate(shop: Workshop, bad: int) -> None:
    """Ratings as the gateway logs them."""
    for _ in range(bad):
        row = {"time": now_text(), "version": "0.1.0", "positive": False}
        append_line(feedback_log(shop.project, shop.product), row)


def at(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance, when: datetime = MONDAY) -> Any:
    """What a tick of a schedule asks for."""
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=when,
        repository_def=repository_of_code(),
        resources=defs().resources,
    ) as context:
        return schedule.evaluate_tick(context)


def test_tags_that_were_there_first_are_left_alone(repository: DataRepository, instance: dg.DagsterInstance) -> None:
    repository.git("tag", "v1.0.0")
    repository.git("push", "--quiet", "origin", "v1.0.0")
    ticking = Ticking(release_tagged, instance)
    assert ticking.tick() == {}
    assert ticking.reason == "1 version tags were there before; those that are pushed from now on are released"
    assert ticking.tick() == {}


def test_a_version_tag_releases_all_products_or_the_one_that_it_names(
    repository: DataRepository, instance: dg.DagsterInstance
) -> None:
    ticking = Ticking(release_tagged, instance)
    ticking.tick()
    tagged = repository.head()
    repository.git("tag", "--annotate", "v1.2.0", "--message", "Understands weekdays\n\nand more")
    repository.push({"data/raw/TaskMaster/rows.jsonl": "later\n"})
    repository.git("push", "--quiet", "origin", "v1.2.0")
    asked = ticking.tick()
    assert asked.keys() == PRODUCTS
    assert asked["TaskMaster"].run_key == f"TaskMaster:v1.2.0@{tagged}"
    expected = {
        "llmops/reason": "release v1.2.0",
        "llmops/data_commit": tagged,
        "llmops/data_tree": repository.tree("TaskMaster", tagged),
        "llmops/version": "1.2.0",
        "llmops/version_change": "Understands weekdays",
    }
    assert asked["TaskMaster"].tags.items() >= expected.items()
    assert ticking.tick() == {}
    repository.git("tag", "DocWriter-v1.2.1")
    repository.git("push", "--quiet", "origin", "--tags")
    assert ticking.tick().keys() == {"DocWriter"}


def test_a_tag_that_is_moved_is_not_released_again(repository: DataRepository, instance: dg.DagsterInstance) -> None:
    ticking = Ticking(release_tagged, instance)
    ticking.tick()
    repository.git("tag", "v1.2.0")
    repository.git("push", "--quiet", "origin", "v1.2.0")
    ticking.tick()
    repository.push({"data/raw/TaskMaster/rows.jsonl": "later\n"})
    repository.git("tag", "--force", "v1.2.0")
    repository.git("push", "--quiet", "--force", "origin", "v1.2.0")
    assert ticking.tick() == {}
    assert ticking.reason == "moved since they were seen, so not released again: v1.2.0"


def test_without_a_repository_there_are_no_tags_to_look_for(shop: Workshop, instance: dg.DagsterInstance) -> None:
    ticking = Ticking(release_tagged, instance)
    assert ticking.tick() == {}
    assert "LLMOPS_DATA_REPOSITORY and LLMOPS_DATA_BRANCH are not set" in ticking.reason


def test_a_week_in_which_nothing_changed_is_skipped_with_the_reason(
    shop: Workshop, kept_instance: dg.DagsterInstance
) -> None:
    first = at(weekly_retraining, kept_instance)
    assert {request.run_key for request in first.run_requests} == {f"2026-W48:{product}" for product in PRODUCTS}
    ticking = Ticking(drift_detected, kept_instance)
    ticking.launch(first.run_requests, dg.DagsterRunStatus.STARTED)
    assert len(at(weekly_retraining, kept_instance).run_requests) == 3
    ticking.end()
    second = at(weekly_retraining, kept_instance)
    assert not second.run_requests
    unchanged = "data and recipe are those of the last green run, drift is not measured"
    assert f"TaskMaster: {unchanged}" in second.skip_message


def test_a_week_with_other_data_another_recipe_or_high_drift_is_not(
    shop: Workshop, tiny_project: TinyProject, kept_instance: dg.DagsterInstance
) -> None:
    Ticking(drift_detected, kept_instance).launch(at(weekly_retraining, kept_instance).run_requests)
    tiny_project.add_row("DocWriter", "enumerate whatever Zoe promised us lately")
    tiny_project.change_recipe("CodeReviewer", {"training": {"sft_epochs": 3}})
    measure(shop, prompt_chars=120)
    reasons = {
        request.partition_key: request.tags["llmops/reason"]
        for request in at(weekly_retraining, kept_instance).run_requests
    }
    changed = "weekly: data or recipe are not those of the last green run"
    assert reasons == {"TaskMaster": "weekly: drift is critical", "CodeReviewer": changed, "DocWriter": changed}


def test_what_was_built_before_is_ordered_as_it_was_and_new_data_get_the_next_version(
    shop: Workshop, tiny_project: TinyProject, instance: dg.DagsterInstance
) -> None:
    deploy(shop, "0.1.0")
    ticking = Ticking(drift_detected, instance)
    measure(shop, prompt_chars=120)
    first = ticking.tick()["TaskMaster"].tags
    assert first["llmops/version"] == "0.1.1"
    deploy(shop, "0.1.1")
    ticking.cursor = None
    assert ticking.tick()["TaskMaster"].tags == first
    tiny_project.add_row("TaskMaster", "enumerate whatever Zoe promised us lately")
    ticking.cursor = None
    assert ticking.tick()["TaskMaster"].tags["llmops/version"] == "0.1.2"


def test_critical_drift_asks_once_and_then_cools_down(shop: Workshop, instance: dg.DagsterInstance) -> None:
    ticking = Ticking(drift_detected, instance)
    assert ticking.tick() == {}
    assert "TaskMaster: no drift report yet" in ticking.reason
    measure(shop, prompt_chars=60)
    assert ticking.tick() == {}
    measure(shop, prompt_chars=120)
    asked = ticking.tick()
    assert {product: request.tags["llmops/reason"] for product, request in asked.items()} == {
        "TaskMaster": "critical drift in prompt_chars"
    }
    assert ticking.tick() == {}
    assert "cooling down for 72.0 h more" in ticking.reason


def test_too_few_good_ratings_ask_once(shop: Workshop, instance: dg.DagsterInstance) -> None:
    deploy(shop)
    rate(shop, bad=20)
    ticking = Ticking(feedback_ready, instance)
    asked = {product: request.tags["llmops/reason"] for product, request in ticking.tick().items()}
    assert asked == {"TaskMaster": "0% of 20 ratings are good, wanted 70%"}
    assert ticking.tick() == {}
    assert "TaskMaster: 0 of 20 ratings" in ticking.reason


def test_drift_is_measured_every_hour_where_something_is_deployed_and_nothing_waits(
    shop: Workshop, kept_instance: dg.DagsterInstance
) -> None:
    none = "no product has a monitoring profile that is not being measured already"
    assert at(hourly_drift, kept_instance).skip_message == none
    deploy(shop)
    (request,) = at(hourly_drift, kept_instance).run_requests
    assert (request.partition_key, request.run_key) == ("TaskMaster", "2026-11-23T03:TaskMaster")
    Ticking(drift_detected, kept_instance, job="measure_drift").launch([request], dg.DagsterRunStatus.STARTED)
    assert at(hourly_drift, kept_instance).skip_message == none


def test_a_product_without_data_on_the_branch_is_not_trained(
    shop: Workshop, repository: DataRepository, kept_instance: dg.DagsterInstance
) -> None:
    repository.git("push", "--quiet", "origin", "--delete", "main")
    measure(shop, prompt_chars=120)
    ticking = Ticking(drift_detected, kept_instance)
    assert ticking.tick() == {}
    assert "TaskMaster: no data in main of" in ticking.reason
    assert "TaskMaster: no data in main of" in at(weekly_retraining, kept_instance).skip_message


def test_a_product_with_a_broken_recipe_is_not_asked_for_and_hides_no_other(
    shop: Workshop, tiny_project: TinyProject, instance: dg.DagsterInstance
) -> None:
    measure(shop, prompt_chars=120)
    tiny_project.change_recipe("TaskMaster", {"no_such_key": 1})
    ticking = Ticking(drift_detected, instance)
    assert ticking.tick() == {}
    assert "TaskMaster" not in ticking.reason
    assert "CodeReviewer: no drift report yet" in ticking.reason
