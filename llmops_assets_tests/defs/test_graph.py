"""The graph as the UI shows it, against a table: whoever changes an asset, a check or a pool changes the table too."""

from typing import Any

import dagster as dg
import pytest

from llmops_assets.definitions import defs
from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.pipeline import graph
from llmops_assets.triggers.switch import AUTOMATIONS

Row = tuple[str, list[str], list[str], list[str], list[str]]
GRAPH: dict[str, Row] = {
    # asset: group, reads, blocking checks, checks that only warn, pools
    "curated_conversations": (
        "curation",
        [],
        [
            "duplicates_are_rare",
            "every_category_is_covered",
            "every_record_is_valid",
            "licences_allow_sale",
            "no_secret_is_left",
            "nothing_is_lost",
        ],
        ["enough_is_written_by_people"],
        [],
    ),
    "eval_dataset": ("curation", [], ["there_are_cases"], [], []),
    "sft_dataset": (
        "curation",
        ["curated_conversations", "eval_dataset"],
        ["evaluation_is_not_in_training", "splits_are_disjoint", "there_is_something_to_train_on"],
        [],
        [],
    ),
    "preference_dataset": (
        "curation",
        ["sft_dataset"],
        ["every_pair_is_proven", "legitimate_requests_are_helped", "there_are_enough_pairs"],
        [],
        [],
    ),
    "guard_model": ("training", ["eval_dataset", "sft_dataset"], ["guard_is_usable"], [], ["training"]),
    "sft_adapter": (
        "training",
        ["sft_dataset"],
        ["adapter_loads", "loss_is_finite", "validation_loss_does_not_diverge", "validation_loss_improved"],
        [],
        ["training"],
    ),
    "merged_model": (
        "training",
        ["sft_adapter"],
        ["merged_differs_from_base", "merged_equals_adapter", "model_stops_by_itself"],
        [],
        ["training"],
    ),
    "dpo_model": (
        "training",
        ["merged_model", "preference_dataset", "sft_dataset"],
        ["chosen_is_not_collapsed", "dpo_starts_at_ln2", "margin_is_positive", "sft_skill_is_kept"],
        [],
        ["training"],
    ),
    "gguf_model": (
        "export",
        ["dpo_model", "sft_dataset"],
        ["file_reads_back", "prompt_is_the_same_bytes", "quantised_agrees_with_f16"],
        [],
        [],
    ),
    "eval_report": (
        "evaluation",
        ["eval_dataset", "gguf_model", "guard_model"],
        [
            "accuracy_meets_threshold",
            "format_meets_threshold",
            "legitimate_requests_are_not_refused",
            "natural_accuracy_meets_target",
            "no_worse_than_what_is_deployed",
            "preference_meets_threshold",
            "safety_meets_threshold",
            "utility_meets_threshold",
        ],
        ["accuracy_meets_target", "each_stage_answers_as_the_one_before"],
        [],
    ),
    "ollama_deployment": (
        "deployment",
        ["eval_report", "gguf_model", "guard_model"],
        ["production_answers", "served_file_is_the_judged_file", "smoke_prompts_are_right"],
        [],
        [],
    ),
    "monitoring_profile": ("monitoring", ["eval_report", "ollama_deployment"], ["baseline_has_traffic"], [], []),
    "drift_report": ("monitoring", ["monitoring_profile"], [], [], []),
    "product_bundle": (
        "productization",
        ["eval_report", "gguf_model", "guard_model", "monitoring_profile", "ollama_deployment", "sft_dataset"],
        ["bundle_verifies", "buyer_gets_the_judged_answer", "licences_allow_the_sale"],
        [],
        [],
    ),
    "product_catalog": ("productization", ["product_bundle"], [], [], []),
}
UNPARTITIONED = {"product_catalog"}


@pytest.fixture(scope="module")
def shown() -> Any:
    """The asset graph of the definitions."""
    return defs().resolve_asset_graph()


def names(keys: Any) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


def test_the_assets_are_those_of_the_table(shown: Any) -> None:
    assert names(shown.get_all_asset_keys()) == sorted(GRAPH)


@pytest.mark.parametrize("asset", GRAPH)
def test_an_asset_is_as_the_table_says(shown: Any, asset: str) -> None:
    node = shown.get(dg.AssetKey(asset))
    checks = [shown.get(key) for key in node.check_keys]
    blocking = sorted(check.key.name for check in checks if check.blocking)
    warning = sorted(check.key.name for check in checks if not check.blocking)
    assert (node.group_name, names(node.parent_keys), blocking, warning, sorted(node.pools)) == GRAPH[asset]


@pytest.mark.parametrize("asset", sorted(set(GRAPH) - UNPARTITIONED))
def test_an_asset_and_its_checks_have_one_partition_a_product(shown: Any, asset: str) -> None:
    """A check without partitions would let one product's pass hide another's failure."""
    node = shown.get(dg.AssetKey(asset))
    assert node.partitions_def == PRODUCTS
    assert [shown.get(key).partitions_def for key in node.check_keys] == [PRODUCTS] * len(node.check_keys)


def test_what_is_about_all_products_has_no_partitions(shown: Any) -> None:
    assert {asset for asset in GRAPH if not shown.get(dg.AssetKey(asset)).is_partitioned} == UNPARTITIONED


@pytest.mark.parametrize("asset", GRAPH)
def test_an_asset_is_described_and_versioned(shown: Any, asset: str) -> None:
    node = shown.get(dg.AssetKey(asset))
    assert node.description
    assert node.kinds
    assert node.code_version == (graph.BY_NAME[asset].code_version if asset in graph.BY_NAME else "1")


def test_the_steps_read_what_the_ui_draws() -> None:
    assert {node.name: sorted(node.reads) for node in graph.NODES} == {
        asset: row[1] for asset, row in GRAPH.items() if asset not in UNPARTITIONED
    }


def test_the_products_are_the_partitions() -> None:
    assert PRODUCTS.get_partition_keys()[0] == "TaskMaster"
    assert set(PRODUCTS.get_partition_keys()) >= {"TaskMaster", "CodeReviewer", "DocWriter"}


def test_there_is_a_job_for_the_chain_for_each_stage_and_for_the_catalogue() -> None:
    jobs = {job.name for job in defs().resolve_all_job_defs() if not job.name.startswith("__")}
    stages = ("data", "training", "export", "evaluation", "deployment", "monitoring", "productization")
    assert jobs == {"build_product", "update_catalog", "measure_drift", *(f"build_{stage}" for stage in stages)}
    whole = defs().resolve_job_def("build_product")
    assert names(whole.asset_layer.selected_asset_keys) == sorted(set(GRAPH) - UNPARTITIONED)


def test_nothing_starts_by_itself() -> None:
    schedules = {schedule.name: schedule.default_status for schedule in defs().schedules or ()}
    sensors = {sensor.name: sensor.default_status for sensor in defs().sensors or ()}
    assert schedules.keys() | sensors.keys() == set(AUTOMATIONS)
    assert set(schedules.values()) == {dg.DefaultScheduleStatus.STOPPED}
    assert set(sensors.values()) == {dg.DefaultSensorStatus.STOPPED}


def test_each_automation_says_what_it_costs() -> None:
    said = {each.name: each.description or "" for each in (*(defs().schedules or ()), *(defs().sensors or ()))}
    assert [name for name, description in said.items() if "osts " not in description] == []


def test_steps_run_in_the_process_of_the_run() -> None:
    assert defs().executor is dg.in_process_executor
