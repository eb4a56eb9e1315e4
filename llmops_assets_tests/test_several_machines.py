"""The whole chain on a store on S3: one machine makes a product, another with folders of its own finds all of it made."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from llmops_assets.pipeline import graph
from llmops_assets.storage.remote_store import open_store
from llmops_assets_tests.storage.s3_server import new_bucket, s3_server
from llmops_assets_tests.tiny_project import TinyProject


@dataclass(frozen=True)
class Machine(TinyProject):
    """A machine with the project's files, and state and copies of its own."""

    name: str
    place: str
    s3: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        own = {"LLMOPS_HOME": str(self.root / self.name), "LLMOPS_SCRATCH": str(self.root / self.name / "copies")}
        dagster = {"DAGSTER_HOME": str(self.root / self.name / "dagster")}
        return {**super().environment, **self.s3, **own, **dagster, "LLMOPS_STORE": self.place}


@pytest.mark.slow
def test_a_product_that_one_machine_made_another_serves_without_making_anything(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with s3_server() as s3:
        place = f"s3://{new_bucket(s3, monkeypatch)}/team"
        first, second = (Machine(tiny_project.root, tiny_project.base, name, place, s3) for name in "ab")
        try:
            said = first.llmops("run", "TaskMaster", timeout=600).stdout
            assert said.count(" cached, gates green") == 0
            said = second.llmops("run", "TaskMaster", timeout=600).stdout
            assert said.count(" cached, gates green") == len(graph.NODES)
            copied = sum(
                path.stat().st_size for path in (tiny_project.root / "b" / "copies").rglob("*") if path.is_file()
            )
            store = open_store(place, tmp_path / "reader")
            made = sum(store.latest(node.name, "TaskMaster").size for node in graph.NODES)
            assert copied < made / 2
            assert "TaskMaster" in second.llmops("status", "TaskMaster").stdout
        finally:
            for machine in (first, second):
                machine.llmops("serve", "--stop")
