"""The runtime and the bill of materials follow from the imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmops_assets.errors import PackagingError
from llmops_assets.productization.runtime import PACKAGE, requirements, runtime_files
from llmops_assets.tasks.linting import RUFF_VERSION


def test_the_runtime_imports_nothing_of_ours_that_is_not_in_it(shared_tree: Path) -> None:
    modules = [
        ".".join(path.relative_to(shared_tree / "runtime").with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((shared_tree / "runtime").rglob("*.py"))
    ]
    script = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(sys.modules['{PACKAGE}'].__file__)"
    environment = {**os.environ, "PYTHONPATH": str(shared_tree / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert found.stdout.strip() == str(shared_tree / "runtime" / PACKAGE / "__init__.py"), found.stderr


def test_no_training_or_orchestration_comes_along() -> None:
    rings = {path.parts[0] for path in runtime_files() if len(path.parts) > 1}
    assert not rings & {"training", "curation", "defs", "resources", "productization", "evaluation"}


def test_requirements_hold_what_they_need_themselves() -> None:
    found = {requirement.name: requirement for requirement in requirements([Path("tasks/dates.py")])}
    assert found["dateparser"].direct
    assert not found["python-dateutil"].direct
    assert all("+" not in requirement.pin for requirement in found.values())


def test_a_program_that_answers_are_made_with_is_required() -> None:
    found = {requirement.name: requirement for requirement in requirements([Path("tasks/code_review.py")], ["ruff"])}
    assert found["ruff"].direct
    assert found["ruff"].version == RUFF_VERSION


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(PackagingError, match=r"llmops_assets\.nothing"):
        runtime_files(("nothing",))


def test_the_bill_of_materials_is_valid_and_complete(shared_tree: Path) -> None:
    text = (shared_tree / "sbom.cdx.json").read_text()
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    names = {component["name"] for component in bill["components"]}
    pins = (shared_tree / "runtime/requirements.txt").read_text().splitlines()
    assert {"SmolLM2-135M-Instruct", "harm sentences", *(pin.split("==")[0] for pin in pins)} <= names
    model = bill["metadata"]["component"]
    assert (model["type"], model["version"]) == ("machine-learning-model", "1.4.0")
