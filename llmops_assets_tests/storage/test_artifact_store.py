import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import ArtifactCorruptError, StoreError
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore


def build(store: ArtifactStore, text: str = "one", **changed: Any) -> Artifact:
    def make(work: Path) -> dict[str, Any]:
        atomic.write_text(work / "folder" / "file.txt", text)
        atomic.write_text(work / "scratch" / "left.txt", "dropped")
        return {"metrics": {}, "shown": {"text": text}}

    given: dict[str, Any] = {
        "inputs": {"a": "1"},
        "settings": {"rate": 1},
        "code_version": "1",
        "make": make,
        **changed,
    }
    return store.build("asset", "TaskMaster", **given)


def test_unchanged_work_is_done_once(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    first, second = build(store), build(store, text="never written")
    assert not first.cached
    assert second.cached
    assert second.digest == first.digest
    assert second.file("folder/file.txt").read_text() == "one"
    assert not second.file("scratch").exists()


@pytest.mark.parametrize("changed", [{"inputs": {"a": "2"}}, {"settings": {"rate": 2}}, {"code_version": "2"}])
def test_whatever_decides_the_work_makes_it_again(tmp_path: Path, changed: dict[str, Any]) -> None:
    store = ArtifactStore(tmp_path)
    build(store)
    assert not build(store, text="two", **changed).cached
    assert store.latest("asset", "TaskMaster").file("folder/file.txt").read_text() == "two"


def test_same_content_has_the_same_digest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    assert build(store).digest == build(store, code_version="2").digest


def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    artifact = build(store)
    artifact.file("folder/file.txt").write_text("two")
    with pytest.raises(ArtifactCorruptError, match="expected sha256"):
        store.verify(artifact)
    with pytest.raises(ArtifactCorruptError):
        build(store)


def test_a_cut_file_is_noticed_on_load(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    build(store).file("folder/file.txt").write_text("")
    with pytest.raises(ArtifactCorruptError, match="expected 3 bytes"):
        store.latest("asset", "TaskMaster")


def test_nothing_made_yet_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="llmops run TaskMaster"):
        ArtifactStore(tmp_path).latest("asset", "TaskMaster")


def test_a_killed_build_leaves_no_artifact_and_goes_on_in_its_folder(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from llmops_assets.storage.artifact_store import ArtifactStore
        def make(work):
            (work / "half.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        ArtifactStore(Path({str(tmp_path)!r})).build(
            "asset", "TaskMaster", inputs={{"a": "1"}}, settings={{"rate": 1}}, code_version="1", make=make)
        """
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    store = ArtifactStore(tmp_path)
    assert store.find("asset", "TaskMaster") is None
    seen = []

    def make(work: Path) -> dict[str, Any]:
        seen.append((work / "half.txt").read_text())
        return {"metrics": {}, "shown": {}}

    assert not build(store, make=make).cached
    assert seen == ["half"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = atomic.write_text(tmp_path / "value.json", "old")
    folder = tmp_path / "value.json" / "below"
    with pytest.raises((StoreError, OSError)):
        atomic.write_text(folder / "x", "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import resource
        from pathlib import Path
        from llmops_assets.storage import atomic
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            atomic.write_bytes(Path({str(tmp_path)!r}) / "big.bin", b"x" * 5000)
        except Exception as error:
            print(type(error).__name__, str(error))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("StoreError expected to write")
    assert list(tmp_path.iterdir()) == []
