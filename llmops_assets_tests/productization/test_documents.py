"""What a buyer reads and runs: true, complete, and well-formed."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from llmops_assets.errors import PackagingError
from llmops_assets.productization.documents import document_context, render_documents
from llmops_assets.productization.licensing import judge_licences
from llmops_assets.productization.measures import read_measures
from llmops_assets.productization.runtime import Requirement
from llmops_assets_tests.productization.made_product import made_inputs, made_product, made_report

NUMBER = re.compile(r"(?<![\w.])(\d+\.\d)%")


def test_every_percentage_in_the_model_card_was_measured(shared_tree: Path) -> None:
    known = {"95"}
    for measure in read_measures(made_report("d"), "TaskMaster"):
        known |= set(NUMBER.findall(f"{measure.shown} {measure.interval}"))
    found = set(NUMBER.findall((shared_tree / "MODEL_CARD.md").read_text()))
    assert found
    assert found <= known


def test_every_measure_stands_in_the_model_card_with_n_and_interval(shared_tree: Path) -> None:
    card = (shared_tree / "MODEL_CARD.md").read_text()
    for measure in read_measures(made_report("d"), "TaskMaster"):
        assert f"| {measure.label} | {measure.shown} | {measure.interval} | {measure.n} |" in card


def test_natural_accuracy_is_the_first_number(shared_tree: Path) -> None:
    for paper in ("README.md", "MODEL_CARD.md"):
        assert NUMBER.findall((shared_tree / paper).read_text())[0] == "73.1"


def test_prices_and_limits_are_the_recipes(shared_tree: Path) -> None:
    pricing = (shared_tree / "PRICING.md").read_text()
    for words in (
        "USD 500",
        "USD 1,500",
        "on request",
        "10,000",
        "100,000",
        "unlimited",
        "within 48 h",
        "10% off",
        "20% off",
    ):
        assert words in pricing


def test_notices_name_every_component_and_carry_the_texts(shared_tree: Path) -> None:
    notices = (shared_tree / "THIRD_PARTY_NOTICES.md").read_text()
    for words in ("SmolLM2-135M-Instruct", "Apache-2.0", "harm sentences", "MIT", "composed requests", "2,400"):
        assert words in notices
    assert sorted(path.name for path in (shared_tree / "licences").iterdir()) == ["Apache-2.0.txt", "MIT.txt"]


def test_nothing_is_left_unrendered_or_blank(shared_tree: Path) -> None:
    for path in [*shared_tree.rglob("*.md"), shared_tree / "LICENSE"]:
        text = path.read_text()
        assert not re.search(r"\{\{|\{%|None|undefined", text), path
        assert "\n\n\n" not in text


def test_tables_are_whole(shared_tree: Path) -> None:
    for path in shared_tree.rglob("*.md"):
        for block in re.findall(r"(?:^\|.*\n)+", path.read_text(), re.MULTILINE):
            columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(columns) == 1, (path.name, block)


def test_paragraphs_tables_and_headings_do_not_run_into_each_other(shared_tree: Path) -> None:
    for path in shared_tree.rglob("*.md"):
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"^\|.*\n[^|\n]", text, re.MULTILINE), path.name
        assert not re.search(r"[^\n]\n#+ ", text), path.name
        assert not re.search(r"[a-z]\.\d+\. [A-Z]", text), path.name


def test_links_between_the_papers_lead_somewhere(shared_tree: Path) -> None:
    for path in shared_tree.rglob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), (path.name, target)


def test_words_with_pipes_and_quotes_do_not_break_what_is_written(tmp_path: Path) -> None:
    from llmops_assets.productization.inputs import Example

    inputs = made_inputs(tmp_path, examples=(Example('what\'s "due" | today? $(touch x)', "{}"),))
    product = made_product()
    context = document_context(product, inputs, judge_licences(inputs.components, product.license_terms), [], "f")
    written = render_documents(context)
    ast.parse(written["integration/python/examples/ask.py"])
    command = re.search(r"^ollama run (.*)$", written["docs/QUICKSTART.md"], re.MULTILINE)
    assert command is not None
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command[1]}"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[1] == inputs.examples[0].request


def test_a_report_without_its_quantisation_is_an_error(tmp_path: Path) -> None:
    inputs = made_inputs(tmp_path)
    report = {name: value for name, value in inputs.evaluation.items() if name != "quantization"}
    from dataclasses import replace

    verdicts = judge_licences(inputs.components, made_product().license_terms)
    with pytest.raises(PackagingError, match="quantization"):
        document_context(made_product(), replace(inputs, evaluation=report), verdicts, [], "f")


@pytest.mark.parametrize("name", ["install.sh", "serve.sh", "health-check.sh"])
def test_scripts_are_valid_shell(shared_tree: Path, name: str) -> None:
    for shell in ("sh", "dash", "bash"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", shared_tree / "deployment/scripts" / name], check=True)


def test_python_files_parse(shared_tree: Path) -> None:
    for path in [*(shared_tree / "integration").rglob("*.py"), shared_tree / "deployment/scripts/create_model.py"]:
        ast.parse(path.read_text(), path.name)


def test_kubernetes_manifests_fit_together(shared_tree: Path) -> None:
    folder = shared_tree / "deployment/kubernetes"
    deployment = yaml.safe_load((folder / "deployment.yaml").read_text())
    service = yaml.safe_load((folder / "service.yaml").read_text())
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert service["spec"]["ports"][0]["targetPort"] in [port["name"] for port in container["ports"]]
    volumes = {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_compose_builds_from_the_bundle(shared_tree: Path) -> None:
    path = shared_tree / "deployment/docker/compose.yaml"
    build = yaml.safe_load(path.read_text())["services"]["taskmaster"]["build"]
    assert (path.parent / build["context"] / build["dockerfile"]).resolve().exists()


def test_an_image_holds_no_secret_and_nothing_that_was_made_here(shared_tree: Path) -> None:
    lines = (shared_tree / ".dockerignore").read_text().splitlines()[1:]
    assert lines == [".run", "monitoring/secrets/*", "!monitoring/secrets/.gitignore", "**/__pycache__"]


def test_openapi_describes_the_answer_and_its_example_is_the_real_one(shared_tree: Path) -> None:
    api = yaml.safe_load((shared_tree / "integration/api/openapi.yaml").read_text())
    assert api["openapi"].startswith("3.1")
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(api)))
    assert references == set(api["components"]["schemas"])
    reply = api["components"]["schemas"]["ChatReply"]["properties"]["message"]["properties"]["content"]
    assert reply["contentSchema"] == json.loads((shared_tree / "model/schema.json").read_text())
    said = api["paths"]["/api/chat"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert said["message"]["content"] == '{"action":"create","title":"call Ana"}'


def test_requirements_are_pinned() -> None:
    assert Requirement("torch", "2.13.0", "BSD", direct=True).pin == "torch==2.13.0"
