"""Which library trains, where, in which precision, on how many threads, and why."""

import importlib.util
from dataclasses import dataclass
from typing import Any

from llmops_assets.errors import TrainingError
from llmops_assets.precision import multiplies_bfloat16


@dataclass(frozen=True)
class Backend:
    """The choice, each part with its reason."""

    library: str
    device: str
    dtype: str
    threads: int
    reason: str
    products: str = "float32"

    @property
    def attention(self) -> str:
        """What transformers calls `attn_implementation`.

        On a CPU plain products: torch's fused attention took 19% of SFT there, plain products 2% (rows of 48 tokens); at
        384 tokens a row both took as long. `benchmarks/sft_speed.py` prints what it is worth.
        """
        return "eager" if self.device == "cpu" else "sdpa"

    @property
    def decisive(self) -> list[str]:
        """What another training would come of: a checkpoint belongs to these."""
        return [self.library, self.device, self.dtype, self.products, self.attention]

    def to_json(self) -> dict[str, Any]:
        """Metadata."""
        return {
            "library": self.library,
            "device": self.device,
            "dtype": self.dtype,
            "products": self.products,
            "threads": self.threads,
            "reason": self.reason,
        }


def choose_backend(wanted: str = "auto") -> Backend:
    """Looks at the machine.

    Raises:
        TrainingError: unsloth is asked for where it cannot run.
    """
    import torch

    cuda = torch.cuda.is_available()
    has_unsloth = importlib.util.find_spec("unsloth") is not None
    if wanted == "unsloth" and not (cuda and has_unsloth):
        missing = "a CUDA device" if not cuda else "the package unsloth"
        raise TrainingError(f"expected {missing} for backend unsloth, found none; use backend: auto")
    library, why_library = _library(wanted, cuda, has_unsloth)
    mps = torch.backends.mps.is_available()
    device = "cuda" if cuda else "mps" if mps else "cpu"
    products = "bfloat16" if device == "cpu" and multiplies_bfloat16() else "float32"
    dtype, why_dtype = _dtype(device, cuda and torch.cuda.is_bf16_supported(including_emulation=False))
    threads = torch.get_num_threads()
    why_device = f"{device}: {torch.cuda.get_device_name(0) if cuda else f'no CUDA device, {threads} threads'}"
    if products != dtype and device == "cpu":
        why_dtype = "float32, its products in bfloat16: the processor multiplies that natively"
    return Backend(library, device, dtype, threads, f"{why_library}; {why_device}; {why_dtype}", products)


def _library(wanted: str, cuda: bool, has_unsloth: bool) -> tuple[str, str]:
    if wanted != "auto":
        return wanted, f"{wanted}: the recipe asks for it"
    if cuda and has_unsloth:
        return "unsloth", "unsloth: CUDA is there and the package is installed"
    missing = "the package is not installed" if cuda else "it needs CUDA"
    return "transformers", f"transformers: no unsloth, {missing}"


def _dtype(device: str, bf16: bool) -> tuple[str, str]:
    if device == "cuda" and bf16:
        return "bfloat16", "bfloat16: the GPU computes it natively"
    return "float32", f"float32: {device} does not compute bfloat16 fast"
