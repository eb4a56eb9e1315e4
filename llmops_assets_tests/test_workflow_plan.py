"""The planning job of train.yml, run on a repository of its own: which products an event trains, and where."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from llmops_assets_tests.tiny_project import PRODUCTS
from llmops_assets_tests.workflow_job import GITHUB, ROOT, Job


def planned(folder: Path, **github: str) -> Job:
    """The planning job on a repository of its own, which holds the tiny project's recipes."""
    (folder / "runner").mkdir(exist_ok=True)
    inputs = {key: github.pop(key) for key in ("product", "runner") if key in github}
    variables = {"LLMOPS_RUNNER": github.pop("variable", "")}
    before = {"event": {"before": github.pop("before", "")}}
    contexts = {"github": {**GITHUB, **github, **before}, "inputs": inputs, "vars": variables}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return Job("train.yml", "plan", contexts, environment, folder / "runner", cwd=folder / "repository")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: all products, then new data of DocWriter."""
    root = tmp_path / "repository"
    (root / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "products", root / ".ci" / "products")
    for product, version in zip(PRODUCTS, ("1.2.0", "1.2.0", "0.3.0"), strict=True):
        recipe = root / "llmops_assets" / "recipes" / f"{product.casefold()}.yaml"
        recipe.parent.mkdir(parents=True, exist_ok=True)
        recipe.write_text(f"product:\n  product_name: {product}\n  version: {version} # next\n", encoding="utf-8")
        (root / "data" / "raw" / product).mkdir(parents=True)
        (root / "data" / "raw" / product / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    _git(root, "init", "-q")
    _commit(root)
    (root / "data" / "raw" / "DocWriter" / "rows.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    _commit(root)
    return root


def _git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def _commit(root: Path) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "more")


ALL = ["CodeReviewer", "DocWriter", "TaskMaster"]


@pytest.mark.parametrize(
    ("github", "products"),
    [
        ({"product": "all"}, ALL),
        ({"product": "DocWriter"}, ["DocWriter"]),
        ({"event_name": "schedule"}, ALL),
        ({"event_name": "push", "ref_name": "data", "before": "HEAD~1"}, ["DocWriter"]),
        ({"event_name": "push", "ref_name": "data", "before": "HEAD"}, []),
        ({"event_name": "push", "ref_name": "data", "before": "0" * 40}, ALL),
        ({"event_name": "push", "ref_type": "tag", "ref_name": "v1.2.0"}, ["CodeReviewer", "TaskMaster"]),
        ({"event_name": "push", "ref_type": "tag", "ref_name": "DocWriter-v0.3.0"}, ["DocWriter"]),
    ],
)
def test_the_plan_names_the_products_of_an_event(
    github: dict[str, str], products: list[str], repository: Path, tmp_path: Path
) -> None:
    job = planned(tmp_path, **github)
    assert job.run() == "success", job.log
    assert json.loads(job.outputs["products"]) == products


@pytest.mark.parametrize("tag", ["v9.9.9", "DocWriter-v1.2.0"])
def test_a_tag_that_no_recipe_has_the_version_of_is_red(tag: str, repository: Path, tmp_path: Path) -> None:
    job = planned(tmp_path, event_name="push", ref_type="tag", ref_name=tag)
    assert job.run() == "failure"
    assert f"expected a product that {tag} names with the version of its recipe, found none" in job.log


@pytest.mark.parametrize(
    ("chosen", "kind", "labels"),
    [
        ({}, "gpu", ["self-hosted", "gpu"]),
        ({"runner": "default", "variable": "cpu"}, "cpu", ["ubuntu-24.04"]),
        ({"runner": "gpu", "variable": "cpu"}, "gpu", ["self-hosted", "gpu"]),
        ({"runner": "cpu"}, "cpu", ["ubuntu-24.04"]),
    ],
)
def test_input_before_variable_before_gpu(
    chosen: dict[str, str], kind: str, labels: list[str], repository: Path, tmp_path: Path
) -> None:
    job = planned(tmp_path, product="DocWriter", **chosen)
    assert job.run() == "success", job.log
    assert (job.outputs["kind"], json.loads(job.outputs["runner"])) == (kind, labels)


def test_a_runner_that_nobody_has_is_red(repository: Path, tmp_path: Path) -> None:
    job = planned(tmp_path, product="DocWriter", variable="tpu")
    assert job.run() == "failure"
    assert "expected gpu or cpu in LLMOPS_RUNNER, got tpu" in job.log
