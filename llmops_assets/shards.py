"""A batch in shards, each on cores of its own: threads that share one matrix product wait for each other a quarter of the time.

On 2 cores two threads on each product trained at 1.35 times the speed of one core, two shards beside each other at 1.9.
`benchmarks/sft_speed.py` prints what that is worth.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

from llmops_assets.machine import usable_cores

Part = TypeVar("Part")
Found = TypeVar("Found")
ROWS = 2
"""Fewer rows than these a shard, and the matrix products get too small."""


def shard_count(rows: int, device: str) -> int:
    """Into how many shards a batch is cut: one a core, on a GPU one."""
    return max(1, min(usable_cores(), rows // ROWS)) if device == "cpu" else 1


def cut(rows: Sequence[Part], count: int) -> list[Sequence[Part]]:
    """Consecutive parts of like size, none empty."""
    count = min(count, len(rows))
    edges = [place * len(rows) // count for place in range(count + 1)] if count else [0]
    return [rows[start:end] for start, end in pairwise(edges)]


def at_once(work: Callable[[Part], Found], parts: Sequence[Part], device: str = "cpu") -> list[Found]:
    """`work` of each part, on a CPU so many at once as there are cores; gradients are recorded where the caller does.

    A part's result does not hang on the others: same parts, same results, to the bit.
    """
    import torch

    workers = min(len(parts), usable_cores()) if device == "cpu" else 1
    if workers < 2:
        return [work(part) for part in parts]
    recorded, before = torch.is_grad_enabled(), torch.get_num_threads()

    def one(part: Part) -> Found:
        torch.set_num_threads(max(1, usable_cores() // workers))
        with torch.set_grad_enabled(recorded):
            return work(part)

    try:
        return list(_pool(workers).map(one, parts))
    finally:
        torch.set_num_threads(before)


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="shard")


def summed(loss_of: Callable[[Part], Any], parts: Sequence[Part], weights: Sequence[Any]) -> Any:
    """The sum of the losses of the parts, to be differentiated by these weights and by nothing else.

    Args:
        loss_of: a part -> its loss, a scalar tensor.
        parts: the shards of a batch.
        weights: the leaves that are trained. Each shard finds its own gradients of them, and they are added in order.
    """
    import torch

    if len(parts) < 2 or not torch.is_grad_enabled():
        return torch.stack(at_once(loss_of, parts)).sum()

    def both(part: Part) -> tuple[Any, Sequence[Any]]:
        loss = loss_of(part)
        return loss.detach(), torch.autograd.grad(loss, weights)

    return _known_gradients().apply(at_once(both, parts), *weights)


@cache
def _known_gradients() -> Any:
    """An autograd function, made once: losses and gradients that were found already -> the sum, differentiable."""
    import torch

    class KnownGradients(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, found: Sequence[tuple[Any, Sequence[Any]]], *_: Any) -> Any:
            losses, gradients = zip(*found, strict=True)
            ctx.gradients = [torch.stack(each).sum(0) for each in zip(*gradients, strict=True)]
            return torch.stack(losses).sum()

        @staticmethod
        def backward(ctx: Any, *outer: Any) -> Any:
            return None, *(outer[0] * gradient for gradient in ctx.gradients)

    return KnownGradients


def trained(model: Any) -> list[Any]:
    """The weights of a model that a training changes."""
    return [weight for weight in model.parameters() if weight.requires_grad]
