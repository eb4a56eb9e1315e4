"""What `llmops rollback --released-since` leaves alone; taking a release back is tested where it is done (deployment)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.cli import build_parser
from llmops_assets.deployment.releases import Release, ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.errors import DeploymentError
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.deployment import roll_back_product, rollout_state
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets_tests.tiny_project import free_port


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A product whose server is not there, so that whatever asks it fails."""
    monkeypatch.delenv("LLMOPS_HOME", raising=False)
    recipe = graph.example_recipe()
    gone = {"embedded_server": False, "ollama_url": f"http://127.0.0.1:{free_port()}"}
    deployment = recipe.deployment.model_copy(update=gone)
    return Workshop(Project(tmp_path), recipe.model_copy(update={"deployment": deployment}), lambda _: None)


def released(shop: Workshop, *versions: str) -> ReleaseRecord:
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    for version in versions:
        record.add(Release("example", version, "ab", "cd"))
    return record


@pytest.mark.parametrize("versions", [(), ("1.0.0",)])
def test_a_release_from_before_that_time_stays(versions: tuple[str, ...], shop: Workshop) -> None:
    released(shop, *versions)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert roll_back_product(shop, "red", later) == "".join(versions)


def test_a_release_that_was_taken_back_already_does_not_count(shop: Workshop) -> None:
    released(shop, "1.0.0").withdraw("1.0.0", "slow")
    assert roll_back_product(shop, "red", datetime.now(UTC) - timedelta(hours=1)) == ""


@pytest.mark.parametrize("since", [None, datetime(2026, 11, 1, tzinfo=UTC)])
def test_a_younger_one_is_taken_back_by_its_server(since: datetime | None, shop: Workshop) -> None:
    released(shop, "1.0.0")
    with pytest.raises(DeploymentError, match="nothing answers there"):
        roll_back_product(shop, "red", since)


def test_a_time_is_utc_where_it_names_no_zone_and_nonsense_is_wrong_usage() -> None:
    words = ["rollback", "TaskMaster", "--reason", "slow", "--released-since"]
    for text in ("2026-11-29T03:00:00", "2026-11-29T03:00:00Z", "2026-11-29T04:00:00+01:00"):
        assert build_parser().parse_args([*words, text]).released_since == datetime(2026, 11, 29, 3, tzinfo=UTC)
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([*words, "yesterday"])
    assert caught.value.code == 2
