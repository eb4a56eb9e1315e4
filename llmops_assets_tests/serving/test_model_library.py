"""The models on disk: names, manifests, shared blobs, and what a kill leaves."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving.model_creation import create
from llmops_assets.serving.model_library import ModelLibrary, ModelNotFoundError
from llmops_assets_tests.serving.made_gguf import gguf

HOUR = 3600.0


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path)


def make(library: ModelLibrary, name: str, **fields: object) -> str:
    """Creates a model and returns its weights' digest."""
    digest = library.blobs.add(gguf())
    list(create(library, {"model": name, "files": {"m.gguf": digest}, **fields}))
    return digest


def blobs(library: ModelLibrary) -> int:
    return len(library.blobs.digests())


def test_a_model_is_what_was_written(library: ModelLibrary) -> None:
    digest = make(library, "a", system="S", template="{{ .Prompt }}!", parameters={"top_k": 3}, license=["L1", "L2"])
    model = library.model("a")
    assert (model.gguf, model.system, model.template) == (digest, "S", "{{ .Prompt }}!")
    assert (model.parameters, model.license, model.config["model_family"]) == ({"top_k": 3}, ("L1", "L2"), "llama")


def test_the_same_model_twice_has_the_same_digest(library: ModelLibrary) -> None:
    make(library, "a", system="S")
    make(library, "b", system="S")
    make(library, "c", system="T")
    digests = [library.model(name).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_a_copy_has_the_same_digest_and_replaces_without_a_question(library: ModelLibrary) -> None:
    make(library, "a", system="S")
    make(library, "b", system="T")
    library.copy("a", "b")
    assert library.model("b").digest == library.model("a").digest


def test_delete_keeps_what_others_need_and_drops_the_rest(library: ModelLibrary) -> None:
    weights = make(library, "a", system="S")
    make(library, "b", system="T")
    before = blobs(library)
    library.delete("a")
    assert blobs(library) == before - 1
    assert library.model("b").system == "T"
    library.delete("b")
    assert (library.blobs.has(weights), blobs(library)) == (False, 0)


def test_a_name_that_is_written_again_drops_what_it_alone_had(library: ModelLibrary) -> None:
    make(library, "a", system="Old")
    before = blobs(library)
    make(library, "a", system="New")
    assert (blobs(library), library.model("a").system) == (before, "New")


def test_a_name_keeps_its_first_spelling(library: ModelLibrary) -> None:
    make(library, "Tiny")
    make(library, "tINY", system="S")
    assert [str(model.name) for model in library.models()] == ["Tiny:latest"]
    assert library.model("TINY").system == "S"


def test_names_that_nobody_has(library: ModelLibrary) -> None:
    for ask in (library.model, library.delete, lambda name: library.copy(name, "b")):
        with pytest.raises(ModelNotFoundError, match="model 'ghost' not found"):
            ask("ghost")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"config":{"digest":"../../x"},"layers":[]}'])
def test_half_a_manifest_hides_its_model_and_no_other(library: ModelLibrary, tmp_path: Path, damage: bytes) -> None:
    make(library, "a", system="S")
    make(library, "b", system="T")
    before = blobs(library)
    (tmp_path / "manifests/registry.ollama.ai/library/a/latest").write_bytes(damage)
    assert [str(model.name) for model in library.models()] == ["b:latest"]
    with pytest.raises(ServingError, match="create the model again"):
        library.model("a")
    library.delete("b")
    # Nobody knows what the broken manifest needed, so nothing goes.
    assert blobs(library) == before
    make(library, "a", system="S")
    assert library.model("a").system == "S"


def test_prune_drops_old_blobs_that_nobody_needs_and_broken_uploads(library: ModelLibrary, tmp_path: Path) -> None:
    kept = make(library, "a")
    old, young = library.blobs.add(b"old"), library.blobs.add(b"young")
    past = time.time() - 2 * HOUR
    for digest in (kept, old):
        os.utime(library.blobs.path(digest), (past, past))
    (tmp_path / "blobs/.upload-x").write_bytes(b"half")
    library.prune()
    assert [library.blobs.has(digest) for digest in (kept, old, young)] == [True, False, True]
    assert not (tmp_path / "blobs/.upload-x").exists()


def test_a_blob_that_went_in_the_meantime_stops_the_write(library: ModelLibrary) -> None:
    make(library, "a")
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{'0' * 64}", "size": 1}
    with pytest.raises(ServingError, match="upload it again"):
        library.write("a", {}, [layer])
    assert library.model("a").template


def test_a_kill_at_any_moment_leaves_the_old_model_or_the_new_one(library: ModelLibrary, tmp_path: Path) -> None:
    make(library, "a", system="System 0")
    code = """if True:
        import sys
        from pathlib import Path
        from llmops_assets.serving.model_creation import create
        from llmops_assets.serving.model_library import ModelLibrary
        library = ModelLibrary(Path(sys.argv[1]))
        print("ready", flush=True)
        for number in range(10**6):
            list(create(library, {"model": "a", "from": "a", "system": f"System {number}"}))
    """
    for milliseconds in (1, 7, 20, 50):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(milliseconds / 1000)
        child.kill()
        child.wait()
        child.stdout.close()
        assert library.model("a").system.startswith("System ")
        assert [str(model.name) for model in library.models()] == ["a:latest"]
