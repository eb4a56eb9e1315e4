"""Linear layers in bfloat16 on processors that multiply it natively: a training takes less time, its weights stay float32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

WIDEST = 16_384
"""Outputs; a wider layer is the head, whose logits would be rounded by as much as a loss tells apart."""


def multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 natively (AVX512-BF16 or AMX); only there is it faster than float32."""
    import torch

    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


@contextmanager
def bfloat16_products() -> Iterator[None]:
    """Inside, linear layers of float32 multiply in bfloat16 and add in float32, where that is native.

    Weights, their gradients and all that lies between the layers stay float32, so that no update gets lost. Of a weight that
    is not trained the rounded copy is kept: half of its bytes more. What else is multiplied, the head above all, oneDNN may
    round or not, as it sees fit: on an EPYC of 2023 it does not, which is why the layers do it themselves.
    `benchmarks/sft_speed.py` prints what it is worth. Where it is not native nothing changes.
    """
    import torch
    from torch.nn import functional

    settings = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before, linear = settings.fp32_precision, functional.linear
    if multiplies_bfloat16():
        settings.fp32_precision, functional.linear = "bf16", _rounding(linear)
    try:
        yield
    finally:
        settings.fp32_precision, functional.linear = before, linear


def _rounding(plain: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def linear(values: Any, weight: Any, bias: Any = None) -> Any:
        if values.dtype != torch.float32 or weight.dtype != torch.float32 or len(weight) > WIDEST or not values.numel():
            return plain(values, weight, bias)
        found = _product().apply(values, weight)
        return found if bias is None else found + bias

    return linear


@cache
def _product() -> Any:
    """An autograd function, made once: values and weight of float32 -> values times the weight transposed."""
    import torch

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, values: Any, weight: Any) -> Any:
            low, kept = values.bfloat16(), _rounded(weight)
            ctx.save_for_backward(low if weight.requires_grad else None, kept)
            return (low @ kept.t()).float()

        @staticmethod
        def backward(ctx: Any, outer: Any) -> Any:
            low, kept = ctx.saved_tensors
            of_values, of_weight = ctx.needs_input_grad
            outer = outer.bfloat16()
            return (
                (outer @ kept).float() if of_values else None,
                (outer.flatten(0, -2).t() @ low.flatten(0, -2)).float() if of_weight else None,
            )

    return Product


def _rounded(weight: Any) -> Any:
    """A weight in bfloat16; the copy of one that is not trained is made once."""
    if weight.requires_grad:
        return weight.detach().bfloat16()
    version, kept = getattr(weight, "_rounded", (None, None))
    if version != weight._version:
        kept = weight.detach().bfloat16()
        weight._rounded = (weight._version, kept)
    return kept
