"""The baseline keeps distributions and no contents, and is the same JSON for the same records."""

import json
from typing import Any

import pytest

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.baseline import build_baseline, choose_traffic
from llmops_assets.monitoring.prompt_embedding import centroid, distances, embed_prompt
from llmops_assets.recipes.monitoring import DriftConfig
from llmops_assets_tests.monitoring.traffic import traffic


def build(records: list[dict[str, Any]]) -> dict[str, Any]:
    return build_baseline(records, product="TaskMaster", version="1.0.0", evaluation_metrics={"accuracy": 0.91})


def test_it_holds_every_column_and_the_evaluation() -> None:
    found = build(traffic(1, 200))

    assert found["evaluation"] == {"accuracy": 0.91}
    assert {name: column["kind"] for name, column in found["columns"].items()} == {
        "prompt_chars": "numeric",
        "prompt_distance": "numeric",
        "action": "category",
        "answer_chars": "numeric",
        "format_valid": "rate",
        "refused": "rate",
        "latency_s": "numeric",
    }


def test_it_survives_json_unchanged() -> None:
    found = build(traffic(1, 200))

    assert json.loads(json.dumps(found)) == found


def test_its_order_is_not_that_of_the_records() -> None:
    records = traffic(1, 200)

    assert build(records)["columns"]["prompt_chars"] == build(records[::-1])["columns"]["prompt_chars"]


def test_a_large_one_stays_small_and_keeps_its_shape() -> None:
    column = build([{"latency_s": value / 1000} for value in range(50_000)])["columns"]["latency_s"]

    assert (column["n"], len(column["values"])) == (50_000, 2000)
    assert column["values"][1000] == pytest.approx(25.0, abs=0.05)


def test_columns_that_no_record_has_are_left_out() -> None:
    assert list(build([{"latency_s": 1.0}])["columns"]) == ["latency_s"]


def test_no_record_is_an_error() -> None:
    with pytest.raises(MonitoringError, match="baseline of TaskMaster"):
        build([])


@pytest.mark.parametrize(
    ("source", "requests", "chosen"),
    [
        ("evaluation", 500, "evaluation"),
        ("production", 500, "production"),
        ("production", 50, "evaluation"),
    ],
)
def test_production_is_the_source_once_there_is_enough_of_it(source: Any, requests: int, chosen: str) -> None:
    config = DriftConfig(baseline_source=source)

    found = choose_traffic(config, evaluation=traffic(1, 200), production=traffic(2, requests))

    assert found.source == chosen


def test_members_lie_no_nearer_to_their_centre_than_strangers() -> None:
    members = [record["prompt_embedding"] for record in traffic(1, 100)]
    strangers = [record["prompt_embedding"] for record in traffic(2, 100)]
    centre = centroid(members)

    inside, outside = sum(distances(members, centre, members=True)), sum(distances(strangers, centre))

    assert inside == pytest.approx(outside, rel=0.05)


@pytest.mark.parametrize("text", ["Remind me to call Ana", "créer une tâche", "", "!!!"])
def test_a_prompt_lies_where_it_always_lay(text: str) -> None:
    vector = embed_prompt(text)

    assert vector == embed_prompt(text)
    assert sum(value * value for value in vector) == pytest.approx(1.0 if text.strip("!") else 0.0, abs=0.01)
