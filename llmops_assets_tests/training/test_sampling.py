"""The order of the rows."""

import pytest

from llmops_assets.training.sampling import LengthGrouped

LENGTHS = [(7 * number) % 50 + 10 for number in range(203)]


@pytest.mark.parametrize("step_rows", [1, 4, 16, 300])
@pytest.mark.parametrize("epoch", [0, 1])
def test_every_row_comes_once_an_epoch(step_rows: int, epoch: int) -> None:
    order = LengthGrouped(LENGTHS, step_rows, 42)
    order.set_epoch(epoch)
    assert sorted(order) == list(range(203))
    assert len(order) == 203


def test_the_order_hangs_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        made = LengthGrouped(LENGTHS, 8, seed)
        made.set_epoch(epoch)
        return list(made)

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    assert order(1, 1) != order(2, 0)


def test_rows_of_a_step_are_alike_in_length_and_only_the_last_step_is_short() -> None:
    order = list(LengthGrouped(LENGTHS, 8, 1))
    steps = [order[start : start + 8] for start in range(0, len(order), 8)]
    widths = [max(LENGTHS[row] for row in step) * len(step) for step in steps]
    assert sum(widths) < 1.15 * sum(LENGTHS)
    assert [len(step) for step in steps] == [8] * 25 + [3]
