"""The graph as data: every asset with its stage, what it reads, and the checks that gate it.

A check is a sentence that is true when green; it holds one gate over one metric of the asset.
"""

from collections.abc import Callable
from dataclasses import dataclass

from llmops_assets.gates import Gate
from llmops_assets.recipes.schema import Recipe


@dataclass(frozen=True)
class Check:
    """One named gate of an asset."""

    name: str
    gate: Gate


@dataclass(frozen=True)
class Node:
    """One asset: its stage in the brief's words, its inputs, its checks under a recipe, and the version of its code."""

    name: str
    stage: str
    reads: tuple[str, ...]
    checks: Callable[[Recipe], tuple[Check, ...]]
    code_version: str = "1"


def _least(name: str, metric: str, minimum: float, *, blocking: bool = True) -> Check:
    return Check(name, Gate(metric, minimum=minimum, blocking=blocking))


def _most(name: str, metric: str, maximum: float, *, blocking: bool = True) -> Check:
    return Check(name, Gate(metric, maximum=maximum, blocking=blocking))


def _curated(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _most("nothing_is_lost", "lost", 0),
        _least("every_record_is_valid", "schema_valid_share", 1.0),
        _most("duplicates_are_rare", "duplicate_share", recipe.data.max_duplicate_share),
        _most("no_secret_is_left", "secrets_left", 0),
        _least("licences_allow_sale", "sellable_share", 1.0),
        _least("every_category_is_covered", "coverage", 1.0),
        _least("enough_is_written_by_people", "written_share", 0.1, blocking=False),
    )


def _sft_data(recipe: Recipe) -> tuple[Check, ...]:
    del recipe
    return (
        _most("splits_are_disjoint", "split_overlap", 0),
        _most("evaluation_is_not_in_training", "contaminated", 0),
        _least("there_is_something_to_train_on", "train_rows", 1),
    )


def _preference_data(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _least("every_pair_is_proven", "proven_share", 1.0),
        _least("there_are_enough_pairs", "pairs", recipe.data.preference_pairs),
        _least("legitimate_requests_are_helped", "legitimate_share", recipe.data.preference_legitimate_share),
    )


def _sft(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _least("loss_is_finite", "loss_finite", 1),
        _least("validation_loss_improved", "validation_loss_gain", 0),
        _most(
            "validation_loss_does_not_diverge", "validation_final_over_best", recipe.training.tolerances.final_over_best
        ),
        _least("adapter_loads", "adapter_loadable", 1),
    )


def _merged(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _most("merged_equals_adapter", "merge_max_logit_gap", recipe.training.tolerances.merge_logit_gap),
        _least("merged_differs_from_base", "merged_differs_from_base", 1),
        _least("model_stops_by_itself", "natural_stop", 1),
    )


def _dpo(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _most("dpo_starts_at_ln2", "dpo_start_gap", recipe.training.tolerances.dpo_start_gap),
        _least("margin_is_positive", "dpo_margin", 0),
        _most("chosen_is_not_collapsed", "chosen_logprob_drop", recipe.training.tolerances.chosen_logprob_drop),
        _most("sft_skill_is_kept", "validation_loss_rise", recipe.training.tolerances.dpo_validation_loss_rise),
    )


def _gguf(recipe: Recipe) -> tuple[Check, ...]:
    return (
        _least("file_reads_back", "read_back", 1),
        _least("prompt_is_the_same_bytes", "prompt_parity", 1.0),
        _least("quantised_agrees_with_f16", "agreement", recipe.deployment.quantization_tolerance),
    )


def _evaluated(recipe: Recipe) -> tuple[Check, ...]:
    sentence = {
        "accuracy": "accuracy_meets_threshold",
        "format": "format_meets_threshold",
        "safety": "safety_meets_threshold",
        "preference": "preference_meets_threshold",
        "utility": "utility_meets_threshold",
        "false_refusal": "legitimate_requests_are_not_refused",
        "accuracy_target": "accuracy_meets_target",
        "natural_accuracy": "natural_accuracy_meets_target",
        "not_regressed": "no_worse_than_what_is_deployed",
        "stage_parity": "each_stage_answers_as_the_one_before",
    }
    return tuple(Check(sentence[gate.metric], gate) for gate in recipe.evaluation_gates())


def _deployed(recipe: Recipe) -> tuple[Check, ...]:
    del recipe
    return (
        _least("production_answers", "production_answers", 1),
        _least("served_file_is_the_judged_file", "digest_matches", 1),
        _least("smoke_prompts_are_right", "smoke_passed", 1.0),
    )


def _bundled(recipe: Recipe) -> tuple[Check, ...]:
    del recipe
    return (
        _least("bundle_verifies", "verified", 1),
        _least("licences_allow_the_sale", "licence_allowed", 1),
        _least("buyer_gets_the_judged_answer", "buyer_answer", 1),
    )


def _none(recipe: Recipe) -> tuple[Check, ...]:
    del recipe
    return ()


def _watched(recipe: Recipe) -> tuple[Check, ...]:
    del recipe
    return (_least("baseline_has_traffic", "baseline_records", 1),)


NODES: tuple[Node, ...] = (
    Node("curated_conversations", "data", (), _curated, code_version="6"),
    Node("eval_dataset", "data", (), lambda _: (_least("there_are_cases", "cases", 1),), code_version="2"),
    Node("sft_dataset", "data", ("curated_conversations", "eval_dataset"), _sft_data, code_version="3"),
    Node("preference_dataset", "data", ("sft_dataset",), _preference_data, code_version="4"),
    Node(
        "guard_model",
        "training",
        ("sft_dataset", "eval_dataset"),
        lambda _: (_least("guard_is_usable", "usable", 1),),
        code_version="4",
    ),
    Node("sft_adapter", "training", ("sft_dataset",), _sft, code_version="3"),
    Node("merged_model", "training", ("sft_adapter",), _merged),
    Node("dpo_model", "training", ("merged_model", "preference_dataset", "sft_dataset"), _dpo, code_version="3"),
    Node("gguf_model", "export", ("dpo_model", "sft_dataset"), _gguf),
    Node("eval_report", "evaluation", ("gguf_model", "guard_model", "eval_dataset"), _evaluated, code_version="6"),
    Node("ollama_deployment", "deployment", ("eval_report", "gguf_model", "guard_model"), _deployed, code_version="2"),
    Node("monitoring_profile", "monitoring", ("ollama_deployment", "eval_report"), _watched, code_version="2"),
    Node("drift_report", "monitoring", ("monitoring_profile",), _none, code_version="2"),
    Node(
        "product_bundle",
        "productization",
        ("ollama_deployment", "monitoring_profile", "eval_report", "gguf_model", "guard_model", "sft_dataset"),
        _bundled,
        code_version="6",
    ),
)
BY_NAME = {node.name: node for node in NODES}
STAGES = ("data", "training", "export", "evaluation", "deployment", "monitoring", "productization")
GROUPS = {"data": "curation"}
"""The UI's group of a stage, where it is not the stage's own name."""


def gates_of(asset: str, recipe: Recipe) -> tuple[Gate, ...]:
    """The gates that an asset has to pass before anything may consume it."""
    return tuple(check.gate for check in BY_NAME[asset].checks(recipe))


def with_all_above(asset: str) -> tuple[str, ...]:
    """An asset and all that it is made from, in the graph's order."""
    wanted = {asset}
    for node in reversed(NODES):
        wanted |= set(node.reads) if node.name in wanted else set()
    return tuple(node.name for node in NODES if node.name in wanted)


def check_names(asset: str, recipe: Recipe) -> tuple[tuple[str, bool], ...]:
    """(name, blocking) of every check of an asset."""
    return tuple((check.name, check.gate.blocking) for check in BY_NAME[asset].checks(recipe))


def default_checks(asset: str) -> tuple[Check, ...]:
    """The checks as they are known before any recipe is read; what blocks for one product is declared as blocking.

    Where it only warns for another one, the severity of the result says so, and Dagster goes on.
    """
    recipe = example_recipe()
    evaluation = recipe.evaluation.model_copy(update={"natural_blocks": True})
    return BY_NAME[asset].checks(recipe.model_copy(update={"evaluation": evaluation}))


def example_recipe() -> Recipe:
    """A recipe of defaults, for what must be known before any recipe is read."""
    release = {"version": "0.0.1", "date": "2026-01-01", "changes": ["example"]}
    tier = {"name": "Example", "monthly_price": 1, "deployments": 1, "requests_per_month": 1, "support_hours": 1}
    product = {
        "product_name": "Example",
        "version": "0.0.1",
        "tagline": "example",
        "description": "example",
        "seller": "example",
        "contact": "example",
        "pricing_tiers": [tier],
        "releases": [release],
    }
    return Recipe.model_validate(
        {
            "pipeline_id": "example",
            "task": "command",
            "data": {},
            "training": {"base_model": "smollm2-135m"},
            "evaluation": {},
            "deployment": {"model_name": "example"},
            "monitoring": {},
            "product": product,
        }
    )
