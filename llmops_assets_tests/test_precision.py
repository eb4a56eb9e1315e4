"""Linear layers in bfloat16: near, with near gradients, only where the processor can, and put back."""

import pytest
import torch
from torch import nn

from llmops_assets.precision import WIDEST, bfloat16_products, multiplies_bfloat16

NATIVE = multiplies_bfloat16()
"""Where it is not, all of this must leave everything as it is."""


def layer(*, trained: bool = True) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(256, 128).requires_grad_(trained)


def passed(through: nn.Module, values: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of the input and of every trained weight."""
    values = values.clone().requires_grad_()
    out = through(values)
    weights = [weight for weight in through.parameters() if weight.requires_grad]
    return [out.detach(), *torch.autograd.grad(out.square().sum(), [values, *weights])]


def passed_inside(through: nn.Module, values: torch.Tensor) -> list[torch.Tensor]:
    with bfloat16_products():
        return passed(through, values)


@pytest.mark.parametrize("trained", [True, False])
def test_output_and_gradients_are_near_and_of_float32(trained: bool) -> None:
    one, values = layer(trained=trained), torch.randn(4, 16, 256)
    plain, quick = passed(one, values), passed_inside(one, values)
    assert len(quick) == (4 if trained else 2)
    for exact, found in zip(plain, quick, strict=True):
        assert found.dtype == torch.float32
        assert torch.linalg.vector_norm(found - exact) < 0.01 * torch.linalg.vector_norm(exact)
    assert torch.equal(quick[0], plain[0]) is not NATIVE
    assert all(map(torch.equal, passed(one, values), plain)), "the setting was not put back"


def test_a_weight_that_was_changed_is_rounded_anew() -> None:
    one, values = layer(trained=False), torch.randn(16, 256)
    before = passed_inside(one, values)[0]
    one.weight.mul_(2)
    one.bias.mul_(2)
    assert torch.equal(passed_inside(one, values)[0], 2 * before)


def test_a_kept_copy_changes_no_result() -> None:
    one, values = layer(trained=False), torch.randn(16, 256)
    assert all(map(torch.equal, passed_inside(one, values), passed_inside(one, values)))


@pytest.mark.skipif(not NATIVE, reason="this processor does not multiply bfloat16")
def test_a_head_and_other_types_are_left_to_torch() -> None:
    plain = nn.functional.linear
    values, wide, double = torch.randn(2, 8), torch.randn(WIDEST + 1, 8), torch.randn(4, 8, dtype=torch.float64)
    with bfloat16_products():
        quick = nn.functional.linear
        head = quick(values, wide)
        assert head.shape == (2, WIDEST + 1)
        assert torch.equal(head, plain(values, wide))
        assert not torch.equal(quick(values, wide[:-1]), plain(values, wide[:-1]))
        assert quick(double, double).dtype == torch.float64
        assert quick(torch.randn(0, 8), torch.randn(4, 8)).shape == (0, 4)
    exact = double @ double.T
    assert torch.equal(nn.functional.linear(double, double), exact)


def test_the_setting_is_put_back_after_an_error() -> None:
    plain = nn.functional.linear
    with pytest.raises(RuntimeError):
        passed_inside(layer(), torch.randn(4, 3))
    assert nn.functional.linear is plain


def test_a_processor_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    one, values = layer(), torch.randn(16, 256)
    assert not multiplies_bfloat16()
    assert all(map(torch.equal, passed_inside(one, values), passed(one, values)))
