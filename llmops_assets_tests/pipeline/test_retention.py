"""What a collection leaves and what it gives back: by release, by bundle, and beside jobs that read and build."""

import itertools
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.errors import StoreError
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.retention import Collected, collect
from llmops_assets.pipeline.servers import guard_of
from llmops_assets.pipeline.workshop import Workshop, metadata
from llmops_assets.project import Project
from llmops_assets.recipes.retention import RetentionConfig
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore, locked
from llmops_assets.storage.leases import latest_leased

PRODUCT = "Example"
RELEASES = 5


RULE = RetentionConfig(versions=1, bundles=1)


def shop_at(root: Path, rule: RetentionConfig = RULE) -> Workshop:
    """One newest version of every asset stays, and the bundle of the newest release, if nothing else is said."""
    return Workshop(Project(root), graph.example_recipe().model_copy(update={"retention": rule}), lambda _: None)


@pytest.fixture(autouse=True)
def _no_other_project(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return shop_at(tmp_path)


def made(shop: Workshop, asset: str, number: int, inputs: dict[str, str]) -> Artifact:
    def make(work: Path) -> dict[str, Any]:
        atomic.write_text(work / "model" / "weights.txt", f"{asset} of release {number}")
        return {"metrics": {}, "shown": {"version": f"1.{number}.0"}}

    return shop.store.build(asset, PRODUCT, inputs=inputs, settings=number, code_version="1", make=make)


def release(shop: Workshop, number: int) -> None:
    """Makes a new version of every asset, each from the newest of what it reads."""
    digests: dict[str, str] = {}
    for node in graph.NODES:
        digests[node.name] = made(shop, node.name, number, {name: digests[name] for name in node.reads}).digest


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five releases. To be copied only."""
    root = tmp_path_factory.mktemp("releases")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
            patch.delenv(name, raising=False)
        for number in range(1, RELEASES + 1):
            release(shop_at(root), number)
    return root


@pytest.fixture
def released(made_once: Path, tmp_path: Path) -> Workshop:
    shutil.copytree(made_once, tmp_path / "project")
    return shop_at(tmp_path / "project")


def whole(shop: Workshop, asset: str) -> list[int]:
    """The releases whose version of an asset still has its files."""
    known = [shop.store.load(asset, PRODUCT, digest) for digest in shop.store.versions(asset, PRODUCT)]
    return sorted(int(each.metadata["shown"]["version"].split(".")[1]) for each in known if not each.dropped)


def test_what_serves_and_what_served_before_stay_with_all_that_they_are_made_of(released: Workshop) -> None:
    collect(released, delete=True)
    last, two, all_of_them = [5], [4, 5], [1, 2, 3, 4, 5]
    assert {asset: whole(released, asset) for asset in graph.BY_NAME} == {
        "curated_conversations": two,
        "eval_dataset": two,
        "sft_dataset": two,
        "preference_dataset": two,
        "guard_model": two,
        "sft_adapter": last,
        "merged_model": last,
        "dpo_model": last,
        "gguf_model": two,
        "eval_report": all_of_them,
        "ollama_deployment": all_of_them,
        "monitoring_profile": last,
        "drift_report": last,
        "product_bundle": last,
    }


def test_a_release_that_was_taken_back_is_not_what_served_before(released: Workshop) -> None:
    ReleaseRecord(rollout_state(released) / "releases.json").withdraw("1.4.0", "answers slowly")
    collect(released, delete=True)
    assert whole(released, "gguf_model") == [3, 5]


def test_what_a_kept_bundle_names_stays(released: Workshop) -> None:
    shop = shop_at(released.project.root, RetentionConfig(versions=1, bundles=4))
    collect(shop, delete=True)
    assert whole(shop, "product_bundle") == [2, 3, 4, 5]
    assert whole(shop, "gguf_model") == [2, 3, 4, 5]
    assert whole(shop, "merged_model") == [5]


def test_the_version_that_an_asset_went_back_to_is_its_newest(released: Workshop) -> None:
    data = {"sft_dataset": released.store.versions("sft_dataset", PRODUCT)[-1]}
    assert made(released, "sft_adapter", 1, data).cached
    collect(released, delete=True)
    assert whole(released, "sft_adapter") == [1]


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("weights.txt"))


def test_looking_deletes_nothing_and_tells_the_bytes_that_deleting_gives_back(released: Workshop) -> None:
    before = bytes_in(released.store.root)
    told = collect(released, delete=False)
    assert bytes_in(released.store.root) == before
    assert collect(released, delete=True) == told
    assert bytes_in(released.store.root) == before - sum(version.size for version in told.gone)
    assert collect(released, delete=True).gone == ()


def test_the_lineage_of_what_went_can_be_read_and_the_same_work_makes_it_again(released: Workshop) -> None:
    order = released.store.versions("gguf_model", PRODUCT)
    (oldest,) = [released.store.load("gguf_model", PRODUCT, digest) for digest in order[-1:]]
    atomic.write_text(oldest.verdict_path, "{}")
    inputs = atomic.read_json(oldest.path / "manifest.json")["inputs"]
    collect(released, delete=True)
    assert released.store.versions("gguf_model", PRODUCT) == order
    assert oldest.verdict_path.exists()
    assert released.store.load("dpo_model", PRODUCT, inputs["dpo_model"]).dropped
    with pytest.raises(StoreError, match="or `llmops gc`"):
        released.store.load("gguf_model", PRODUCT, oldest.digest).file("model/weights.txt")
    again = made(released, "gguf_model", 1, inputs)
    assert (again.digest, again.cached, again.dropped) == (oldest.digest, False, False)


def test_what_a_killed_collection_left_goes_with_the_next(released: Workshop) -> None:
    folder = released.store.folder("merged_model", PRODUCT) / released.store.versions("merged_model", PRODUCT)[-1]
    manifest = atomic.read_json(folder / "manifest.json")
    atomic.write_json(folder / "manifest.json", {**manifest, "dropped": True})
    collect(released, delete=True)
    assert list(folder.rglob("weights.txt")) == []


def test_a_damaged_manifest_of_a_release_stops_the_collection(released: Workshop) -> None:
    before = bytes_in(released.store.root)
    newest = released.store.latest("ollama_deployment", PRODUCT)
    (newest.path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="expected the manifest of ollama_deployment of Example"):
        collect(released, delete=True)
    assert bytes_in(released.store.root) == before


def test_what_a_killed_build_left_goes_and_an_asset_that_is_being_made_is_left_alone(released: Workshop) -> None:
    for asset in ("gguf_model", "dpo_model"):
        atomic.write_text(released.store.folder(asset, PRODUCT) / ".work-12" / "half.txt", "half")
    with locked(released.store.folder("gguf_model", PRODUCT) / ".lock"):
        found = collect(released, delete=True)
    assert found.busy == ("gguf_model",)
    assert ("dpo_model", ".work-12", 4) in [(each.asset, each.name, each.size) for each in found.gone]
    assert [path.parent.parent.name for path in released.store.root.rglob("half.txt")] == [PRODUCT]
    assert whole(released, "gguf_model") == [1, 2, 3, 4, 5]


READER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from llmops_assets.storage.artifact_store import ArtifactStore
    from llmops_assets.storage.leases import latest_leased

    store, rounds = ArtifactStore(Path(sys.argv[1])), int(sys.argv[2])
    if not rounds:
        held = latest_leased(store, "merged_model", "Example")
        print("reading", flush=True)
        sys.stdin.read()
    for round in range(rounds):
        held = latest_leased(store, "merged_model", "Example")
        if not round:
            print("reading", flush=True)
        for _ in range(20):
            held.file("model/weights.txt").read_bytes()
    """
)


def reader(shop: Workshop, rounds: int) -> "subprocess.Popen[str]":
    """A job in a process of its own that has begun to read the newest merged model; without rounds it holds on to it."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(shop.store.root), str(rounds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    return process


@pytest.fixture
def reading(shop: Workshop) -> Iterator["subprocess.Popen[str]"]:
    made(shop, "merged_model", 1, {})
    process = reader(shop, 0)
    yield process
    process.kill()
    process.communicate()


def in_use(found: Collected) -> list[str]:
    return [version.asset for version in found.in_use]


def test_what_a_running_job_reads_stays_until_the_job_ends_also_by_a_kill(
    shop: Workshop, reading: "subprocess.Popen[str]"
) -> None:
    for number in (2, 3):
        made(shop, "merged_model", number, {})
    assert in_use(collect(shop, delete=True)) == ["merged_model"]
    assert whole(shop, "merged_model") == [1, 3]
    reading.send_signal(signal.SIGKILL)
    reading.wait()
    assert in_use(collect(shop, delete=True)) == []
    assert whole(shop, "merged_model") == [3]


def test_a_job_that_reads_again_and_again_never_misses_a_file_while_versions_come_and_go(shop: Workshop) -> None:
    made(shop, "merged_model", 0, {})
    process = reader(shop, 200)
    gone = 0
    for number in itertools.count(1):
        made(shop, "merged_model", number, {})
        gone += len(collect(shop, delete=True).gone)
        if process.poll() is not None:
            break
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert gone > 0


def test_a_lease_lasts_as_long_as_the_artifact_is_in_hand(shop: Workshop) -> None:
    made(shop, "merged_model", 1, {})
    held = latest_leased(shop.store, "merged_model", PRODUCT)
    made(shop, "merged_model", 2, {})
    assert in_use(collect(shop, delete=True)) == ["merged_model"]
    assert held.file("model/weights.txt").read_text() == "merged_model of release 1"
    del held
    assert in_use(collect(shop, delete=True)) == []
    assert whole(shop, "merged_model") == [2]


@dataclass(frozen=True)
class Overtaken(ArtifactStore):
    """A store in which, once it was asked, another job makes a newer version and a collection takes the older one."""

    shop: Workshop

    def latest(self, asset: str, product: str) -> Artifact:
        found = super().latest(asset, product)
        if len(self.versions(asset, product)) == 1:
            made(self.shop, asset, 2, {})
            assert len(collect(self.shop, delete=True).gone) == 1
        return found


def test_a_version_that_went_before_the_lease_was_taken_is_not_handed_out(shop: Workshop) -> None:
    made(shop, "merged_model", 1, {})
    found = latest_leased(Overtaken(shop.store.root, shop), "merged_model", PRODUCT)
    assert found.file("model/weights.txt").read_text() == "merged_model of release 2"


def test_what_a_step_needs_is_leased_for_the_step(shop: Workshop) -> None:
    def build(number: int) -> None:
        shop.build("guard_model", inputs={}, settings=number, make=lambda work: _guard(work, number))

    build(1)
    needed = shop.need("guard_model")
    build(2)
    assert in_use(collect(shop, delete=True)) == ["guard_model"]
    del needed
    assert in_use(collect(shop, delete=True)) == []


def test_the_guard_of_what_is_served_is_leased_for_as_long_as_it_serves(shop: Workshop) -> None:
    def build(number: int) -> None:
        shop.build("guard_model", inputs={}, settings=number, make=lambda work: _guard(work, number))

    def deploy(work: Path) -> dict[str, Any]:
        atomic.write_json(work / "deployment.json", {"version": "1.0.0", "guard": shop.need("guard_model").digest})
        return metadata({"production_answers": 1, "digest_matches": 1, "smoke_passed": 1}, version="1.0.0")

    build(1)
    shop.build("ollama_deployment", inputs={}, settings=1, make=deploy)
    serving = shop_at(shop.project.root)
    guard_of(serving)
    build(2)
    assert in_use(collect(shop, delete=True)) == ["guard_model"]
    del serving
    assert in_use(collect(shop, delete=True)) == []


def _guard(work: Path, number: int) -> dict[str, Any]:
    atomic.write_text(work / "rules.txt", str(number))
    return metadata({"usable": 1})


def test_a_store_that_other_machines_share_is_left_alone(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_STORE", "s3://bucket/team")
    monkeypatch.setenv("LLMOPS_SCRATCH", str(tmp_path / "copies"))
    with pytest.raises(StoreError, match="others share"):
        collect(shop, delete=True)
