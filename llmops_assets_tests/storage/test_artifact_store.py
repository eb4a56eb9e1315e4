import errno
import os
import shutil
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


def test_forgotten_work_is_made_again_and_what_there_was_stays(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    first = build(store)
    store.forget(first)
    store.forget(first)
    assert store.latest("asset", "TaskMaster").digest == first.digest
    second = build(store, text="two")
    assert not second.cached
    assert first.file("folder/file.txt").read_text() == "one"
    assert build(store, text="never written").digest == second.digest


def test_versions_stand_in_the_order_of_their_making_whatever_the_clock_said(tmp_path: Path) -> None:
    store, made = ArtifactStore(tmp_path), []
    for year, text in ((3, "one"), (2, "two"), (1, "three")):
        made.append(build(store, text=text, settings=text).digest)
        os.utime(store.latest("asset", "TaskMaster").path / "manifest.json", (year * 10**7, year * 10**7))
    assert store.versions("asset", "TaskMaster") == made[::-1]
    store.drop_files(store.load("asset", "TaskMaster", made[0]))
    assert store.versions("asset", "TaskMaster") == made[::-1]


def test_versions_of_before_they_were_counted_are_the_oldest(tmp_path: Path) -> None:
    store, made = ArtifactStore(tmp_path), []
    for text in ("one", "two", "three"):
        made.append(build(store, text=text, settings=text).digest)
    for seconds, digest in enumerate(made[:2]):
        manifest = tmp_path / "asset" / "TaskMaster" / digest / "manifest.json"
        values = atomic.read_json(manifest)
        del values["sequence"]
        atomic.write_json(manifest, values)
        os.utime(manifest, (seconds + 1, seconds + 1))
    assert store.versions("asset", "TaskMaster") == made[::-1]


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


def test_a_killed_build_leaves_no_artifact_and_nothing_half_made_to_the_next(tmp_path: Path) -> None:
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
    assert [path.name for path in atomic.files_in(build(store).path)] == ["file.txt", "manifest.json"]
    assert list(tmp_path.rglob(".work-*")) == []


def test_a_damaged_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    first = build(store)
    shutil.rmtree(first.path)
    assert store.find("asset", "TaskMaster") is None
    assert build(store).digest == first.digest
    assert store.verify(store.latest("asset", "TaskMaster")).cached


def test_whole_work_takes_the_place_of_a_folder_that_is_not_whole(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    first = build(store)
    first.file("folder/file.txt").write_text("two")
    assert build(store, code_version="2").digest == first.digest
    store.verify(store.latest("asset", "TaskMaster"))


def test_the_same_files_made_in_another_way_get_the_newer_record(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    build(store)

    def make(work: Path) -> dict[str, Any]:
        atomic.write_text(work / "folder" / "file.txt", "one")
        return {"metrics": {}, "shown": {"newer": True}}

    build(store, code_version="2", make=make)
    assert store.latest("asset", "TaskMaster").metadata["shown"] == {"newer": True}
    assert list(tmp_path.rglob(".work-*")) == []


def test_dropped_files_come_back_when_they_are_made_again(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.drop_files(build(store))
    assert build(store).dropped
    assert not build(store, code_version="2").dropped
    assert store.latest("asset", "TaskMaster").file("folder/file.txt").read_text() == "one"


@pytest.mark.parametrize("pointer", ["latest.json", "by_key/*.json"])
def test_a_torn_pointer_counts_as_none(tmp_path: Path, pointer: str) -> None:
    store = ArtifactStore(tmp_path)
    first = build(store)
    (path,) = store.folder("asset", "TaskMaster").glob(pointer)
    path.write_text('{"dig')
    assert build(store).digest == first.digest
    assert store.latest("asset", "TaskMaster").digest == first.digest


def test_what_the_disk_refuses_a_library_is_an_error_of_the_store(tmp_path: Path) -> None:
    def make(work: Path) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work / "file.bin"))

    with pytest.raises(
        StoreError, match=f"^expected to write below {tmp_path}.*No space left on device; free the disk"
    ):
        build(ArtifactStore(tmp_path), make=make)


def test_an_error_that_is_not_the_disk_s_stays_what_it_is(tmp_path: Path) -> None:
    def make(work: Path) -> dict[str, Any]:
        return {"text": (work / "nothing.txt").read_text()}

    with pytest.raises(FileNotFoundError):
        build(ArtifactStore(tmp_path), make=make)
