"""The store on a real S3 server: machine A builds, machine B, with a folder of its own, goes on."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from llmops_assets.errors import ArtifactCorruptError, GateError, StoreError
from llmops_assets.gates import Gate, Metric
from llmops_assets.overrides import Override
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import ArtifactStore
from llmops_assets.storage.object_store import ObjectStore
from llmops_assets.storage.remote_store import RemoteStore, open_store
from llmops_assets.verdicts import GATE, Findings, record_verdict, recorded_overrides, require_passed, stand
from llmops_assets_tests.storage.s3_server import new_bucket, s3_server
from llmops_assets_tests.storage.test_artifact_store import build

GATES = [Gate("accuracy", minimum=0.85)]
RED = Findings({"accuracy": Metric(0.5, 200)})


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture
def bucket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    return new_bucket(server, monkeypatch)


@pytest.fixture
def a(bucket: str, tmp_path: Path) -> ArtifactStore:
    return open_store(f"s3://{bucket}/team", tmp_path / "a")


@pytest.fixture
def b(bucket: str, tmp_path: Path) -> ArtifactStore:
    return open_store(f"s3://{bucket}/team", tmp_path / "b")


def keys(bucket: str) -> list[str]:
    return [entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def key_of(bucket: str, ending: str) -> str:
    (found,) = (key for key in keys(bucket) if key.endswith(ending))
    return found


def put(bucket: str, ending: str, data: bytes) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=key_of(bucket, ending), Body=data)


def test_what_one_machine_made_another_finds_made(a: ArtifactStore, b: ArtifactStore) -> None:
    first, second = build(a), build(b, text="never written")
    assert (first.cached, second.cached) == (False, True)
    assert (second.digest, second.metadata) == (first.digest, first.metadata)
    assert second.file("folder/file.txt").read_text() == "one"
    assert b.latest("asset", "TaskMaster").digest == first.digest


def test_files_come_when_somebody_asks_for_them(a: ArtifactStore, b: ArtifactStore) -> None:
    build(a)
    found = b.latest("asset", "TaskMaster")
    assert not (found.folder / "folder").exists()
    assert (found.path / "folder" / "file.txt").read_text() == "one"
    assert not found.file("nothing.txt").exists()


def test_an_object_that_was_changed_is_noticed_by_whoever_reads_it(
    a: ArtifactStore, b: ArtifactStore, bucket: str
) -> None:
    build(a)
    put(bucket, "file.txt", b"two")
    found = b.latest("asset", "TaskMaster")
    with pytest.raises(
        ArtifactCorruptError, match=f"expected sha256 .* of s3://{bucket}/team/asset/.*/folder/file.txt"
    ):
        found.file("folder/file.txt")
    assert not (found.folder / "folder" / "file.txt").exists()


def test_a_copy_that_was_changed_is_fetched_again(a: ArtifactStore, b: ArtifactStore) -> None:
    build(a)
    b.latest("asset", "TaskMaster").file("folder/file.txt").write_text("two")
    assert b.latest("asset", "TaskMaster").file("folder/file.txt").read_text() == "one"


@pytest.mark.parametrize("damage", ["cut", "deleted"])
def test_a_cut_or_missing_object_is_noticed_at_once(a: ArtifactStore, bucket: str, damage: str) -> None:
    build(a)
    if damage == "cut":
        put(bucket, "file.txt", b"")
    else:
        boto3.client("s3").delete_object(Bucket=bucket, Key=key_of(bucket, "file.txt"))
    with pytest.raises(ArtifactCorruptError, match="expected 3 bytes in s3://"):
        a.latest("asset", "TaskMaster")


@pytest.mark.parametrize("name", ["folder/other.txt", "../../outside.txt"])
def test_a_manifest_that_lists_other_files_is_none(a: ArtifactStore, b: ArtifactStore, bucket: str, name: str) -> None:
    build(a)
    manifest = boto3.client("s3").get_object(Bucket=bucket, Key=key_of(bucket, "manifest.json"))["Body"].read()
    put(bucket, "manifest.json", manifest.replace(b"folder/file.txt", name.encode()))
    with pytest.raises(ArtifactCorruptError, match="in the manifest of asset of TaskMaster"):
        b.latest("asset", "TaskMaster")


def test_a_path_that_leads_outside_is_refused_also_under_its_own_digest(
    b: ArtifactStore, bucket: str, tmp_path: Path
) -> None:
    files = {"../../../../outside.txt": {"sha256": atomic.sha256_bytes(b"x"), "size": 1}}
    digest = atomic.sha256_json(files)
    ObjectStore(bucket, "team").write(
        f"asset/TaskMaster/{digest}/manifest.json", atomic.to_json({"files": files}).encode()
    )
    with pytest.raises(ArtifactCorruptError, match=r"got the path \.\./"):
        b.load("asset", "TaskMaster", digest)
    assert not list(tmp_path.rglob("outside.txt"))


def test_the_verdict_travels_and_an_override_with_it(a: ArtifactStore, b: ArtifactStore) -> None:
    record_verdict(build(a), RED, GATES)
    there = b.latest("asset", "TaskMaster")
    with pytest.raises(GateError, match=r"accuracy 0\.5, wanted >= 0\.85"):
        require_passed(stand(there, RED, GATES))
    require_passed(stand(there, RED, GATES), Override(name="Ana", reason="demo for one customer"))
    (record,) = recorded_overrides(a.said_of("asset", "TaskMaster", there.digest, GATE))
    assert (record.name, record.reason) == ("Ana", "demo for one customer")


def test_an_artifact_without_a_verdict_is_not_consumed_on_any_machine(a: ArtifactStore, b: ArtifactStore) -> None:
    build(a)
    there = b.latest("asset", "TaskMaster")
    with pytest.raises(GateError, match="found none"):
        require_passed(stand(there, RED, GATES))


def killed_build(bucket: str, folder: Path) -> None:
    """A machine that dies between its last file and the manifest."""
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from llmops_assets.storage.object_store import ObjectStore
        from llmops_assets.storage.remote_store import RemoteStore
        class Dying(ObjectStore):
            def write(self, name, data):
                os.kill(os.getpid(), signal.SIGKILL)
        def make(work):
            (work / "folder").mkdir()
            (work / "folder" / "file.txt").write_text("one")
            return {{}}
        RemoteStore(Path({str(folder)!r}), Dying({bucket!r}, "team")).build(
            "asset", "TaskMaster", inputs={{"a": "1"}}, settings={{"rate": 1}}, code_version="1", make=make)
        """
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL


def test_a_kill_between_files_and_manifest_leaves_nothing_to_be_seen(
    b: ArtifactStore, bucket: str, tmp_path: Path
) -> None:
    killed_build(bucket, tmp_path / "a")
    assert [key.rsplit("/", 1)[1] for key in keys(bucket)] == ["file.txt"]
    assert b.find("asset", "TaskMaster") is None
    assert b.versions("asset", "TaskMaster") == []
    made = build(b)
    assert not made.cached
    assert b.versions("asset", "TaskMaster") == [made.digest]


def test_of_two_machines_at_the_same_work_both_go_on_with_what_was_there_first(
    a: ArtifactStore, b: ArtifactStore
) -> None:
    def slower(work: Path) -> dict[str, Any]:
        build(b, text="one")
        atomic.write_text(work / "folder" / "file.txt", "two")
        return {}

    made = build(a, make=slower)
    assert not made.cached
    assert made.file("folder/file.txt").read_text() == "one"
    assert {store.latest("asset", "TaskMaster").digest for store in (a, b)} == {made.digest}


def test_a_memo_that_somebody_wrote_in_between_is_not_overwritten(bucket: str) -> None:
    objects = ObjectStore(bucket, "team")
    assert objects.write_if_unchanged("memo", b"first", None)
    assert not objects.write_if_unchanged("memo", b"second", None)
    seen = objects.read("memo")
    objects.write("memo", b"third")
    assert not objects.write_if_unchanged("memo", b"fourth", seen)
    found = objects.read("memo")
    assert found is not None
    assert found.data == b"third"
    assert objects.write_if_unchanged("memo", b"fifth", found)


def test_an_artifact_that_was_deleted_is_made_again(a: ArtifactStore, b: ArtifactStore, bucket: str) -> None:
    first = build(a)
    boto3.client("s3").delete_object(Bucket=bucket, Key=key_of(bucket, "manifest.json"))
    assert a.find("asset", "TaskMaster") is None
    again = build(b)
    assert (again.digest, again.cached) == (first.digest, False)
    assert build(a).cached


def test_forgotten_work_is_made_again_on_any_machine(a: ArtifactStore, b: ArtifactStore) -> None:
    first = build(a)
    a.forget(first)
    assert not build(b, text="two").cached
    assert len(b.versions("asset", "TaskMaster")) == 2


def test_dropped_files_are_gone_everywhere_and_still_count_as_made(a: ArtifactStore, b: ArtifactStore) -> None:
    a.drop_files(build(a))
    assert build(b).dropped
    with pytest.raises(StoreError, match="were dropped"):
        b.latest("asset", "TaskMaster").file("folder/file.txt")
    assert not build(b, code_version="2").dropped
    assert a.latest("asset", "TaskMaster").file("folder/file.txt").read_text() == "one"


def test_a_page_below_the_root_is_kept(a: ArtifactStore, bucket: str) -> None:
    atomic.write_text(a.root / "product_catalog" / "catalog.html", "<p>")
    a.keep(a.root / "product_catalog")
    assert keys(bucket) == ["team/product_catalog/catalog.html"]


def test_a_server_that_says_no_is_one_line(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^expected to reach s3://nowhere/asset/TaskMaster/latest.json, got: [^\n]+$"):
        open_store("s3://nowhere", tmp_path).find("asset", "TaskMaster")


@pytest.mark.parametrize("place", ["gs://bucket/prefix", "s3://", "file:///tmp", "s3://bucket?x=1"])
def test_a_url_of_another_kind_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected LLMOPS_STORE to be a folder or s3://bucket/prefix"):
        open_store(place, tmp_path)


def test_a_folder_stays_a_folder(tmp_path: Path) -> None:
    assert open_store(str(tmp_path), tmp_path / "copies") == ArtifactStore(tmp_path)
    assert isinstance(open_store("s3://bucket", tmp_path), RemoteStore)


def test_a_process_that_is_pointed_at_another_server_talks_to_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for _ in range(2):
        with s3_server() as environment:
            store = ObjectStore(new_bucket(environment, monkeypatch), "team")
            store.write("a.json", b"{}")
            found.append(store.read("a.json"))
    assert [one.data for one in found if one] == [b"{}", b"{}"]
