"""Artifacts that are not what was written, and a disk that takes no more: found, said in one line, and mended by the next run."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmops_assets.errors import StoreError
from llmops_assets.pipeline import graph, training
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets_tests.complaints import one_line, workshop
from llmops_assets_tests.tiny_project import TinyProject

ROOM = 6_000_000
"""Too little for a model of 12.6 MB, enough for everything else that a run writes."""


@pytest.fixture
def project(made_project: TinyProject, tmp_path: Path) -> TinyProject:
    return made_project.copy(tmp_path / "project")


@pytest.fixture
def exported(made_project: TinyProject, tmp_path: Path) -> TinyProject:
    """Only the exported file, its verdict and the recipes."""
    for folder in ("recipes", "artifacts/gguf_model"):
        shutil.copytree(made_project.root / folder, tmp_path / folder)
    return TinyProject(tmp_path, made_project.base)


def cut(artifact: Artifact) -> None:
    os.truncate(artifact.path / "model.gguf", 100_000)


def flip(artifact: Artifact) -> None:
    with (artifact.path / "model.gguf").open("r+b") as file:
        file.seek(100_000)
        byte = file.read(1)
        file.seek(100_000)
        file.write(bytes([byte[0] ^ 1]))


def lie(artifact: Artifact) -> None:
    manifest = json.loads((artifact.path / "manifest.json").read_text())
    manifest["files"]["model.gguf"]["sha256"] = "0" * 64
    (artifact.path / "manifest.json").write_text(json.dumps(manifest))


def tear(artifact: Artifact) -> None:
    os.truncate(artifact.path / "manifest.json", 50)


def lose(artifact: Artifact) -> None:
    (artifact.path / "model.gguf").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"expected \d+ bytes in .*model\.gguf \(gguf_model of TaskMaster\), got 100000; delete "),
        (flip, r"expected sha256 \w{12} of .*model\.gguf, got \w{12}; delete "),
        (lie, r"expected files that hash to \w{12} in the manifest of gguf_model of TaskMaster, got \w{12}; delete "),
        (tear, r"expected the manifest of gguf_model of TaskMaster in .*, got none that is whole; delete "),
        (lose, r"expected \d+ bytes in .*model\.gguf \(gguf_model of TaskMaster\), got no file; delete "),
    ],
    ids=["truncated", "changed byte", "wrong hash", "torn manifest", "missing"],
)
def test_nothing_consumes_a_damaged_artifact(
    exported: TinyProject, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Artifact], None], message: str
) -> None:
    shop = workshop(exported, monkeypatch)
    artifact = shop.need("gguf_model")
    damage(artifact)
    with pytest.raises(StoreError, match=f"^{message}{re.escape(str(artifact.path))} and run again$"):
        shop.need("gguf_model")
    shutil.rmtree(artifact.path)
    with pytest.raises(StoreError, match="expected a finished gguf_model of TaskMaster, found none; run `llmops run"):
        shop.need("gguf_model")


@pytest.mark.slow
def test_a_truncated_gguf_is_named_and_made_again_once_it_is_deleted(project: TinyProject) -> None:
    artifact = project.store.latest("gguf_model", "TaskMaster")
    cut(artifact)
    line = one_line(project.llmops("run", "TaskMaster", "--stage", "export", code=1))
    assert line.startswith("llmops: TaskMaster: gguf_model: expected ")
    assert line.endswith(f"got 100000; delete {artifact.path} and run again")
    assert line.endswith(project.result()["errors"][0])
    (row,) = json.loads(project.llmops("status", "TaskMaster", "--json").stdout)
    assert row["state"].startswith("damaged: expected ")
    assert list(row["damaged"]) == ["gguf_model"]
    others = set(graph.BY_NAME) - {"gguf_model"}
    assert set(row["artifacts"]) == others
    for name in others:
        project.store.verify(project.store.latest(name, "TaskMaster"))

    shutil.rmtree(artifact.path)
    project.llmops("run", "TaskMaster", "--stage", "export")
    assert project.store.verify(project.store.latest("gguf_model", "TaskMaster")).digest == artifact.digest


def forget_the_merged_model(project: TinyProject) -> str:
    digest = project.store.latest("merged_model", "TaskMaster").digest
    shutil.rmtree(project.root / "artifacts" / "merged_model")
    return digest


def require_intact_but_for_the_merged_model(project: TinyProject) -> None:
    assert project.store.find("merged_model", "TaskMaster") is None
    for name in set(graph.BY_NAME) - {"merged_model"}:
        project.store.verify(project.store.latest(name, "TaskMaster"))


@pytest.fixture
def limited() -> Iterator[Callable[[], None]]:
    """No file grows beyond the limit, here and in every child, until what is yielded is called."""
    old, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (old, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    yield lift
    lift()


@pytest.mark.slow
def test_a_write_that_fails_half_way_is_one_line_and_costs_nothing_finished(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch, limited: Callable[[], None]
) -> None:
    digest = forget_the_merged_model(project)
    shop = workshop(project, monkeypatch)
    with pytest.raises(StoreError, match=r"^expected to write below .*, got: file too large; free the disk or fix"):
        training.merged_model(shop)
    require_intact_but_for_the_merged_model(project)
    limited()
    assert training.merged_model(shop).artifact.digest == digest


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which grows by remounting."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system of our own: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Takes all room; delete what it returns to give it back."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    return ballast


def test_a_full_store_is_one_line_and_the_next_run_with_room_goes_on(
    made_project: TinyProject, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made_project.copy(disk / "project")
    digest = forget_the_merged_model(project)
    shop = workshop(project, monkeypatch)
    ballast = fill(disk)
    with pytest.raises(StoreError, match="got: No space left on device; free the disk"):
        training.merged_model(shop)
    require_intact_but_for_the_merged_model(project)
    ballast.unlink()
    assert training.merged_model(shop).artifact.digest == digest


def test_a_disk_that_is_full_also_for_the_record_of_runs_is_one_line(made_project: TinyProject, disk: Path) -> None:
    project = made_project.copy(disk / "project")
    before = project.result()
    ballast = fill(disk)
    line = one_line(project.llmops("run", "TaskMaster", "--stage", "training", code=1))
    assert re.search("got: disk (is full|i/o error); free the disk, run again$", line)
    assert project.result() == before
    ballast.unlink()
    assert "sft_adapter" in project.llmops("run", "TaskMaster", "--stage", "training").stdout
