"""The way back from a GGUF file, through the inputs that each manifest names."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.pipeline.graph import example_recipe
from llmops_assets.pipeline.lineage import lineage_of
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.storage.atomic import write_json, write_text


def put(shop: Workshop, asset: str, folder: str, inputs: dict[str, str]) -> Artifact:
    def make(work: Path) -> dict[str, Any]:
        write_text(work / folder / "weights", f"{asset} {inputs}")
        return {"metrics": {}, "shown": {"f16_sha256": "f16"}}

    return shop.store.build(asset, shop.product, inputs=inputs, settings={}, code_version="1", make=make)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    base = tmp_path / "base"
    write_json(base / "config.json", {})
    write_text(base / "model.safetensors", "weights")
    recipe = example_recipe()
    training = recipe.training.model_copy(update={"base_model": str(base)})
    return Workshop(Project(tmp_path), recipe.model_copy(update={"training": training}), lambda _: None)


def chain(shop: Workshop, base: str = "") -> dict[str, Artifact]:
    from llmops_assets.training.base_model import base_digest

    trained_on = base or base_digest(shop.recipe.training.base_model)
    adapter = put(shop, "sft_adapter", "adapter", {"base_model": trained_on})
    merged = put(shop, "merged_model", "model", {"sft_adapter": adapter.digest})
    dpo = put(shop, "dpo_model", "model", {"merged_model": merged.digest, "sft_dataset": "s"})
    return {
        "adapter": adapter,
        "merged": merged,
        "dpo": dpo,
        "gguf": put(shop, "gguf_model", ".", {"dpo_model": dpo.digest}),
    }


def test_every_model_is_found_by_the_digests_of_its_child(shop: Workshop) -> None:
    made = chain(shop)
    put(shop, "merged_model", "model", {"sft_adapter": "a newer one"})
    found = lineage_of(shop, made["gguf"])
    assert found.folders == {
        "adapter": str(made["adapter"].path / "adapter"),
        "merged": str(made["merged"].path / "model"),
        "dpo": str(made["dpo"].path / "model"),
    }
    assert found.digests == {name: made[name].digest for name in ("adapter", "merged", "dpo")}
    assert (found.missing, found.f16_sha256, found.model_name) == ({}, "f16", "example")


def test_dropped_files_are_missing_and_what_came_before_is_not(shop: Workshop) -> None:
    made = chain(shop)
    shop.store.drop_files(made["merged"])
    found = lineage_of(shop, made["gguf"])
    assert sorted(found.folders) == ["adapter", "dpo"]
    assert "save_intermediate: false" in found.missing["merged"]


def test_behind_a_deleted_model_nothing_is_known(shop: Workshop) -> None:
    made = chain(shop)
    shutil.rmtree(made["merged"].path)
    found = lineage_of(shop, made["gguf"])
    assert sorted(found.folders) == ["dpo"]
    assert found.missing["merged"].endswith(f"({made['merged'].digest[:12]}) is no longer in the store")
    assert "(unknown)" in found.missing["adapter"]


def test_a_damaged_model_is_missing(shop: Workshop) -> None:
    made = chain(shop)
    file = made["dpo"].path / "model" / "weights"
    text = file.read_text(encoding="utf-8")
    write_text(file, text[:-1] + "!")
    found = lineage_of(shop, made["gguf"])
    assert sorted(found.folders) == ["adapter", "merged"]
    assert "sha256" in found.missing["dpo"]


def test_an_adapter_of_another_base_is_not_put_on_this_one(shop: Workshop) -> None:
    found = lineage_of(shop, chain(shop, base="another")["gguf"])
    assert sorted(found.folders) == ["dpo", "merged"]
    assert "another base" in found.missing["adapter"]
