from pathlib import Path
from typing import Any

import pytest

from llmops_assets.deployment.releases import Release, ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.notifying.noticing import red_gates, releases
from llmops_assets.notifying.results import run_result, send, trial_message
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.project import Project
from llmops_assets.storage.atomic import write_json, write_text
from llmops_assets_tests.notifying.listening import Answer, http_server


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA", "LLMOPS_SLACK_WEBHOOK_URL", "LLMOPS_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    return Workshop(Project(tmp_path), graph.example_recipe(), lambda _: None)


def measured(shop: Workshop, asset: str, **metrics: float | None) -> None:
    """An artifact whose gates are judged by these numbers."""

    def make(work: Path) -> dict[str, Any]:
        write_text(work / "content", str(metrics))
        return metadata(metrics)

    shop.build(asset, inputs={}, settings=metrics, make=make)


def test_blocking_gates_that_did_not_pass_are_told_with_their_numbers(shop: Workshop) -> None:
    measured(shop, "eval_dataset", cases=0)
    measured(shop, "guard_model", usable=None)
    found = red_gates(shop)
    assert found.told == {
        "cases of eval_dataset": "cases 0, wanted >= 1",
        "usable of guard_model": "usable could not be scored",
    }
    assert (found.version, [row["metric"] for row in found.gates]) == ("0.0.1", ["cases"])
    assert found.page == f"/assets/eval_dataset?view=partitions&partition={shop.product}"


def test_only_the_newest_artifact_counts_and_warnings_do_not(shop: Workshop) -> None:
    measured(shop, "eval_dataset", cases=0)
    measured(shop, "eval_dataset", cases=3)
    blocking = {
        "lost": 0, "schema_valid_share": 1, "duplicate_share": 0, "secrets_left": 0, "sellable_share": 1, "coverage": 1
    }  # fmt: skip
    measured(shop, "curated_conversations", **blocking, written_share=0)
    assert red_gates(shop).told == {}


def test_releases_and_rollbacks_are_told_from_their_record(shop: Workshop) -> None:
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    record.path.parent.mkdir(parents=True)
    assert releases(shop).told == {}
    record.add(Release("example", "1.1.0", "ab", "cd"))
    record.withdraw("1.1.0", "answers slowly")
    told = releases(shop).told
    assert list(told) == ["1.1.0 is in production", "1.1.0 was taken back"]
    assert told["1.1.0 was taken back"].endswith("answers slowly")


@pytest.mark.parametrize(
    ("result", "outcome", "headline", "detail"),
    [
        ({"success": True, "stages_completed": ["data"], "errors": []}, None, "green", "are green: data"),
        ({"success": False, "errors": ["eval_report: red"]}, None, "failed", "eval_report: red"),
        ({"success": False, "errors": ["eval_report: red"]}, "cancelled", "was cancelled", "eval_report: red"),
        ({"success": True, "errors": []}, "failure", "failed", "what failed stands behind the link"),
        (None, "failure", "failed", "no run has written a result yet"),
    ],
)
def test_a_run_is_told_as_it_ended(shop: Workshop, result: Any, outcome: Any, headline: str, detail: str) -> None:
    if result is not None:
        write_json(shop.store.root / "results" / shop.product / "pipeline_result.json", result)
    found = run_result(shop, outcome, "http://ci/7")
    assert (found.headline, found.link) == (headline, "http://ci/7")
    assert detail in "\n".join(found.details)


def test_a_test_message_says_what_came_of_every_channel(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_server() as good, http_server(Answer(404, body="no_service")) as bad:
        monkeypatch.setenv("LLMOPS_SLACK_WEBHOOK_URL", f"{bad.url}/services/s3cr3t")
        monkeypatch.setenv("LLMOPS_WEBHOOK_URL", f"{good.url}/hook")
        sent = send(shop.recipe.monitoring, trial_message(shop, ""))
    assert [(one.channel, one.ok) for one in sent] == [("slack", False), ("webhook", True), ("email", True)]
    assert sent[0].text == f"{bad.url}/***: NOT delivered: HTTP 404 no_service"
    assert sent[1].text == f"{good.url}/***: delivered"
    assert sent[2].text == "left out: the recipe's monitoring.alert_channels does not name email"
