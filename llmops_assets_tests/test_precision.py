"""Products in bfloat16: near, only where the processor can, and put back."""

import pytest
import torch

from llmops_assets.precision import bfloat16_products, multiplies_bfloat16


def products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    with bfloat16_products():
        return a @ b


def test_products_are_near_and_the_setting_is_put_back() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(64, 256), torch.randn(256, 128)
    plain = a @ b
    quick = products(a, b)
    assert quick.dtype == torch.float32
    assert torch.allclose(quick, plain, atol=0.5)
    assert torch.equal(quick, plain) is not multiplies_bfloat16()
    assert torch.equal(a @ b, plain)


def test_the_setting_is_put_back_after_an_error() -> None:
    a = torch.randn(64, 256)
    plain = a @ a.T
    with pytest.raises(RuntimeError):
        products(a, a)
    assert torch.equal(a @ a.T, plain)


def test_a_processor_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    a = torch.randn(64, 256)
    assert not multiplies_bfloat16()
    assert torch.equal(products(a, a.T), a @ a.T)
