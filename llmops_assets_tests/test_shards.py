"""A batch in shards gives the loss and the gradients of the whole batch."""

import threading
from typing import Any

import pytest

from llmops_assets import shards
from llmops_assets.shards import at_once, cut, shard_count, summed, trained


@pytest.mark.parametrize(
    ("rows", "count", "parts"),
    [
        (range(6), 2, [[0, 1, 2], [3, 4, 5]]),
        (range(5), 2, [[0, 1], [2, 3, 4]]),
        (range(2), 4, [[0], [1]]),
        (range(3), 1, [[0, 1, 2]]),
        ([], 3, []),
    ],
)
def test_parts_are_consecutive_and_none_is_empty(rows: Any, count: int, parts: list[list[int]]) -> None:
    assert [list(part) for part in cut(rows, count)] == parts


@pytest.mark.parametrize(
    ("cores", "rows", "device", "count"),
    [(2, 16, "cpu", 2), (16, 16, "cpu", 8), (2, 4, "cpu", 2), (2, 3, "cpu", 1), (2, 1, "cpu", 1), (16, 64, "cuda", 1)],
)
def test_a_shard_a_core_while_it_has_rows_enough(
    monkeypatch: pytest.MonkeyPatch, cores: int, rows: int, device: str, count: int
) -> None:
    monkeypatch.setattr(shards, "usable_cores", lambda: cores)
    assert shard_count(rows, device) == count


def network() -> tuple[Any, Any, Any]:
    import torch

    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    model[0].bias.requires_grad_(False)
    return model, torch.randn(12, 5), torch.randn(12, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_loss_and_gradients_are_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    import torch

    monkeypatch.setattr(shards, "usable_cores", lambda: 3)
    model, inputs, targets = network()
    whole = ((model(inputs) - targets) ** 2).sum() / 12
    (3 * whole).backward()
    wanted = [weight.grad.clone() for weight in trained(model)]
    assert len(wanted) == 3
    model.zero_grad()

    def loss_of(places: range) -> Any:
        chosen = slice(places.start, places.stop)
        return ((model(inputs[chosen]) - targets[chosen]) ** 2).sum()

    for _ in range(2):
        loss = summed(loss_of, cut(range(12), count), trained(model)) / 12
        (3 * loss).backward()
    assert loss.item() == pytest.approx(whole.item(), rel=1e-6)
    for weight, gradient in zip(trained(model), wanted, strict=True):
        assert torch.allclose(weight.grad, 2 * gradient, atol=1e-6)
    assert model[0].bias.grad is None


def test_nothing_is_recorded_where_the_caller_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(shards, "usable_cores", lambda: 2)
    model, inputs, _ = network()
    with torch.no_grad():
        loss = summed(lambda part: model(inputs[part[0] : part[-1] + 1]).sum(), cut(range(12), 2), trained(model))
        flags = at_once(lambda _: torch.is_grad_enabled(), [1, 2])
    assert not loss.requires_grad
    assert flags == [False, False]
    assert at_once(lambda _: torch.is_grad_enabled(), [1, 2]) == [True, True]


def test_parts_run_beside_each_other_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(shards, "usable_cores", lambda: 2)
    before, both = torch.get_num_threads(), threading.Barrier(2, timeout=30)

    def meet(part: int) -> tuple[int, int]:
        both.wait()
        return part, torch.get_num_threads()

    assert at_once(meet, [1, 2, 3, 4]) == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert torch.get_num_threads() == before


def test_an_error_in_a_shard_is_the_callers() -> None:
    def fail(part: int) -> int:
        raise ValueError(f"shard {part}")

    with pytest.raises(ValueError, match="shard 1"):
        at_once(fail, [1, 2])
