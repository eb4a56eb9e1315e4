"""Building bundles."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.errors import GateError, LicenceError, PackagingError, ServingError
from llmops_assets.productization.archive import safe_extract
from llmops_assets.productization.inputs import BundleInputs, DataSource, ShippedGuard
from llmops_assets.productization.packaging import SUMMARY, BundleResult, build_bundle, build_epoch
from llmops_assets.storage import atomic
from llmops_assets_tests.productization.made_product import (
    made_gates,
    made_inputs,
    made_override,
    made_product,
    made_report,
)


def build(folder: Path, key: Ed25519PrivateKey, inputs: BundleInputs) -> BundleResult:
    return build_bundle(folder / "work", product=made_product(), inputs=inputs, key=key)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    first = build(tmp_path / "a", key, made_inputs(tmp_path / "a"))
    second = build(tmp_path / "b", key, made_inputs(tmp_path / "b"))
    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert first.metadata() == second.metadata()


def test_what_a_killed_build_left_does_not_matter(tmp_path: Path, key: Ed25519PrivateKey, bundle: BundleResult) -> None:
    atomic.write_text(tmp_path / "work/scratch/taskmaster-1.4.0/docs/OLD.md", "half")
    assert build(tmp_path, key, made_inputs(tmp_path)).sha256 == bundle.sha256


def test_the_manifest_says_what_is_in_it(shared_tree: Path, bundle: BundleResult) -> None:
    manifest = json.loads((shared_tree / "manifest.json").read_text())
    assert manifest == bundle.manifest
    assert (manifest["name"], manifest["version"], manifest["build_date"]) == (
        "TaskMaster",
        "1.4.0",
        "2026-11-20T00:00:00Z",
    )
    assert atomic.sha256_file(shared_tree / manifest["model_file"]) == manifest["model_sha256"]
    assert {"model", "deployment", "integration", "docs", "monitoring", "evaluation", "runtime"} <= set(
        manifest["components"]
    )


def test_the_summary_beside_the_archive_names_it(bundle: BundleResult) -> None:
    summary = atomic.read_json(bundle.archive.parent / SUMMARY)
    assert (summary["archive"], summary["sha256"]) == (bundle.archive.name, atomic.sha256_file(bundle.archive))


def test_the_build_date_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build_epoch(made_product()) == 1_700_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(PackagingError, match="SOURCE_DATE_EPOCH"):
        build_epoch(made_product())


def test_the_modelfile_points_at_the_file_beside_it(shared_tree: Path) -> None:
    assert (shared_tree / "model/Modelfile").read_text().startswith("FROM ./taskmaster-1.4.0.gguf\n")


def test_a_red_gate_stops_the_sale(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    with pytest.raises(GateError, match="accuracy"):
        build(tmp_path, key, made_inputs(tmp_path, gates=made_gates(passed=False)))


def test_an_override_is_written_where_the_buyer_reads_it(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    inputs = made_inputs(tmp_path, gates=made_gates(passed=False), overrides=(made_override(),))
    tree = safe_extract(build(tmp_path, key, inputs).archive, tmp_path / "new")
    for paper in ("README.md", "MODEL_CARD.md"):
        text = (tree / paper).read_text()
        assert f"> [!CAUTION]\n> **Released although a gate is red.**\n> - {made_override().line}\n" in text
    first_lines = (tree / "MODEL_CARD.md").read_text().partition("## All measures")[0]
    assert "**Not reached: accuracy 0.8923, wanted >= 0.9 (n = 417).**" in first_lines
    for file in (tree / "manifest.json", tree / "evaluation/gates.json"):
        found = atomic.read_json(file)
        ((name, reason),) = {(row["name"], row["reason"]) for row in found.get("gates", found)["overrides"]}
        assert (name, reason) == ("Ana", "agreed with the <first> customer")


def test_a_licence_that_forbids_the_sale_stops_it(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    inputs = made_inputs(tmp_path, base_name="Qwen2.5-3B-Instruct", base_license="qwen-research")
    with pytest.raises(LicenceError, match=r"Qwen2\.5-3B-Instruct.*research"):
        build(tmp_path, key, inputs)
    with pytest.raises(LicenceError, match="web chats"):
        build(
            tmp_path,
            key,
            made_inputs(tmp_path, sources=(DataSource("web chats", "CC-BY-NC-4.0", "https://example.org", 9),)),
        )
    assert not (tmp_path / "work").exists()


def test_only_the_file_that_was_judged_is_packed(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    inputs = made_inputs(tmp_path)
    with pytest.raises(PackagingError, match="report on the file that ships"):
        build(tmp_path, key, replace(inputs, evaluation=made_report("0" * 64)))
    inputs.gguf.write_bytes(b"GGUF, cut")
    with pytest.raises(PackagingError, match="materialise gguf_model again"):
        build(tmp_path, key, inputs)


@pytest.mark.parametrize("missing", ["eval_report.html", "TASK.md", "schema.json", "monitoring/rules.yml"])
def test_a_missing_input_is_named(tmp_path: Path, key: Ed25519PrivateKey, missing: str) -> None:
    inputs = made_inputs(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(PackagingError, match=missing.split("/")[0]):
        build(tmp_path, key, inputs)


def test_extra_documents_are_added_and_may_not_hide_ours(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    atomic.write_text(tmp_path / "notes/SECURITY.md", "# Security\n")
    atomic.write_text(tmp_path / "notes/API.md", "# Another\n")
    inputs = made_inputs(tmp_path)
    for path, fails in (("notes/SECURITY.md", False), ("notes/API.md", True), ("notes/none.md", True)):
        product = made_product(documentation_paths=(path,))
        if fails:
            with pytest.raises(PackagingError, match=Path(path).name):
                build_bundle(tmp_path / "work", product=product, inputs=inputs, key=key)
        else:
            built = build_bundle(tmp_path / "work", product=product, inputs=inputs, key=key)
            assert "docs/SECURITY.md" in built.manifest["digests"]


def test_a_modelfile_without_from_is_refused(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    with pytest.raises(ServingError, match="FROM line"):
        build(tmp_path, key, made_inputs(tmp_path, modelfile="PARAMETER temperature 0\n"))


def test_a_trained_guard_ships_with_its_encoder_named_and_its_packages_pinned(
    tmp_path: Path, key: Ed25519PrivateKey, shared_tree: Path
) -> None:
    atomic.write_text(tmp_path / "guard/guard.json", "{}")
    atomic.write_text(tmp_path / "guard/manifest.json", "the store's own")
    seen = (DataSource("unkind requests", "BSD-3-Clause", "", 1520),)
    guard = ShippedGuard(tmp_path / "guard", "all-MiniLM-L6-v2", "Apache-2.0", "https://example.org/minilm", seen)
    tree = safe_extract(build(tmp_path, key, made_inputs(tmp_path, guard=guard)).archive, tmp_path / "new")
    assert [path.name for path in (tree / "model/guard").iterdir()] == ["guard.json"]
    assert "all-MiniLM-L6-v2" in (tree / "THIRD_PARTY_NOTICES.md").read_text()
    for paper in ("MODEL_CARD.md", "THIRD_PARTY_NOTICES.md"):
        assert "| unkind requests | BSD-3-Clause | 1,520 |" in (tree / paper).read_text()
    assert (tree / "licences/BSD-3-Clause.txt").exists()
    assert "\ntorch==" in (tree / "runtime/requirements.txt").read_text()
    assert "\ntorch==" not in (shared_tree / "runtime/requirements.txt").read_text()


def test_a_guard_whose_encoder_or_data_may_not_be_sold_stops_the_sale(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    guard = ShippedGuard(tmp_path / "guard", "some encoder", "CC-BY-NC-4.0", "https://example.org/encoder")
    with pytest.raises(LicenceError, match="some encoder"):
        build(tmp_path, key, made_inputs(tmp_path, guard=guard))
    seen = (DataSource("scraped threats", "CC-BY-NC-4.0", "https://example.org", 9),)
    free = replace(guard, base_license="MIT", sources=seen)
    with pytest.raises(LicenceError, match="guard data set scraped threats"):
        build(tmp_path, key, made_inputs(tmp_path, guard=free))
