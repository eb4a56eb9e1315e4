"""Stage 2: sft_adapter -> merged_model -> dpo_model, and the guard beside them. Each step is one call into `training`."""

import math
from pathlib import Path
from typing import Any

from llmops_assets.curation.stage import write_unseen
from llmops_assets.gates import Metric
from llmops_assets.pipeline.copies import copied
from llmops_assets.pipeline.data import raw_files
from llmops_assets.pipeline.workshop import Made, Workshop, digests, file_digests, metadata
from llmops_assets.processes import run_stage
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.training.base_model import base_digest


def sft_adapter(shop: Workshop) -> Made:
    """Fine-tunes a LoRA adapter on the curated rows."""
    data, config = shop.need("sft_dataset"), shop.recipe.training

    def make(work: Path) -> dict[str, Any]:
        from llmops_assets.training.stages import make_sft_adapter

        found = make_sft_adapter(
            work,
            base=config.base_model,
            train=data.file("train.jsonl"),
            validation=data.file("validation.jsonl"),
            config=config,
            cache=shop.cache,
            log=shop.report,
        )
        gain = found["validation_loss_base"] - found["validation_loss_final"]
        metrics = {
            "loss_finite": found["loss_finite"],
            "validation_loss_gain": gain,
            "validation_final_over_best": found["validation_loss_final"] / found["validation_loss_best"],
            "adapter_loadable": found["adapter_loadable"],
        }
        return metadata(metrics, **found, curves_plot="curves.png")

    inputs = {**digests(data), "base_model": base_digest(config.base_model)}
    return shop.build("sft_adapter", inputs=inputs, settings=_settings(config, "dpo_"), make=make)


def merged_model(shop: Workshop) -> Made:
    """Merges the adapter into the base in full precision and proves it."""
    adapter, config = shop.need("sft_adapter"), shop.recipe.training

    def make(work: Path) -> dict[str, Any]:
        from llmops_assets.training.stages import make_merged_model

        found = make_merged_model(
            work,
            base=config.base_model,
            adapter=adapter.file("adapter"),
            config=config,
            cache=shop.cache,
            log=shop.report,
        )
        names = ("merge_max_logit_gap", "merged_differs_from_base", "natural_stop")
        return metadata({name: found[name] for name in names}, **found)

    return shop.build("merged_model", inputs=digests(adapter), settings={"base": config.base_model}, make=make)


def dpo_model(shop: Workshop) -> Made:
    """Aligns the merged model on preference pairs and merges again."""
    merged, pairs, data = shop.need("merged_model"), shop.need("preference_dataset"), shop.need("sft_dataset")
    config = shop.recipe.training

    def make(work: Path) -> dict[str, Any]:
        from llmops_assets.training.stages import make_dpo_model

        found = make_dpo_model(
            work,
            merged=merged.file("model"),
            pairs=pairs.file("train.jsonl"),
            validation_pairs=pairs.file("validation.jsonl"),
            validation=data.file("validation.jsonl"),
            config=config,
            cache=shop.cache,
            log=shop.report,
        )
        metrics = {
            "dpo_start_gap": abs(found["dpo_start_loss"] - math.log(2)),
            "dpo_margin": found["dpo_margin"],
            "chosen_logprob_drop": -found["chosen_logprob_change"],
            "validation_loss_rise": found["validation_loss_rise"],
        }
        return metadata(metrics, **found, curves_plot="curves.png")

    inputs = digests(merged, pairs, data)
    made = shop.build("dpo_model", inputs=inputs, settings=_settings(config, "sft_"), make=make)
    return copied(made, shop.project.root, config.output_dir)


def _settings(config: TrainingConfig, other: str) -> dict[str, Any]:
    """The section without what only the other training reads: changing that retrains nothing here."""
    left_out = {"output_dir"} | ({"tolerances", "ship_sft_if_dpo_fails"} if other == "dpo_" else set())
    section = config.model_dump(mode="json", exclude=left_out)
    return {key: value for key, value in section.items() if not key.startswith(other)}


def guard_model(shop: Workshop) -> Made:
    """Trains the classifier of the guard, where the recipe asks for one."""
    data, cases, config = shop.need("sft_dataset"), shop.need("eval_dataset"), shop.recipe.guard
    files = raw_files(shop, "guard") if config.classifier else []

    def make(work: Path) -> dict[str, Any]:
        if not config.classifier:
            return metadata({"usable": 1}, kind="rules only")
        own = work / "scratch" / "guard.jsonl"
        left_out = write_unseen(own, files=files, eval_folder=cases.path)
        settings = config.model_dump(mode="json")
        spec = {"data": str(data.path), "own": str(own), "config": settings, "cache": str(shop.cache)}
        found = run_stage("llmops_assets.guard.stage:make_guard", spec, work, shop.report)
        caught = Metric(found["validation_caught"], found["validation_harmful"])
        usable = (found["validation_caught"] or 0) > (found["validation_false_blocks"] or 0)
        return metadata(
            {"usable": usable, "validation_caught": caught}, kind="rules and classifier", **found, **left_out
        )

    inputs = {**digests(data, cases), **file_digests(files, shop.project.data)}
    return shop.build("guard_model", inputs=inputs, settings=config.model_dump(mode="json"), make=make)
