"""Which library trains, and why."""

import importlib.util

import pytest
import torch

from llmops_assets.errors import TrainingError
from llmops_assets.training.backends import choose_backend

HAS_UNSLOTH = importlib.util.find_spec("unsloth") is not None


@pytest.mark.skipif(torch.cuda.is_available(), reason="about machines without CUDA")
def test_without_cuda_transformers_trains_in_float32_and_says_why() -> None:
    chosen = choose_backend("auto")
    assert (chosen.library, chosen.dtype) == ("transformers", "float32")
    assert chosen.device in ("cpu", "mps")
    assert "it needs CUDA" in chosen.reason
    assert "float32" in chosen.reason
    assert chosen.threads == torch.get_num_threads()


def test_a_forced_backend_is_recorded_as_such() -> None:
    assert "the recipe asks for it" in choose_backend("transformers").reason


@pytest.mark.skipif(torch.cuda.is_available() and HAS_UNSLOTH, reason="about machines that cannot run unsloth")
def test_unsloth_where_it_cannot_run_is_an_error_that_names_what_is_missing() -> None:
    missing = "the package unsloth" if torch.cuda.is_available() else "a CUDA device"
    with pytest.raises(TrainingError, match=f"expected {missing}"):
        choose_backend("unsloth")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_bfloat16_only_where_the_gpu_computes_it() -> None:
    wanted = "bfloat16" if torch.cuda.get_device_capability(0)[0] >= 8 else "float32"
    assert choose_backend("transformers").dtype == wanted
