"""A batch in shards, each on cores of its own: threads that share one matrix product spend a third of their time waiting.

On 2 cores a product of this size reaches 1.2 times the speed of one core; two products beside each other reach 2.
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
ROWS = 4
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
        with torch.enable_grad():
            loss = loss_of(part)
        return loss.detach(), torch.autograd.grad(loss, weights)

    class Summed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *_: Any) -> Any:
            losses, gradients = zip(*at_once(both, parts), strict=True)
            ctx.gradients = [torch.stack(found).sum(0) for found in zip(*gradients, strict=True)]
            return torch.stack(losses).sum()

        @staticmethod
        def backward(ctx: Any, *outer: Any) -> Any:
            return tuple(outer[0] * gradient for gradient in ctx.gradients)

    return Summed.apply(*weights)  # type: ignore[no-untyped-call]


def trained(model: Any) -> list[Any]:
    """The weights of a model that a training changes."""
    return [weight for weight in model.parameters() if weight.requires_grad]
