"""The ladder, the estimate and the refusals, by value."""

from pathlib import Path

import pytest

from llmops_assets.errors import TrainingError
from llmops_assets.training.backends import Backend
from llmops_assets.training.memory import (
    GIB,
    MemoryPlan,
    ModelShape,
    check_disk,
    descend,
    estimate,
    fitting_plan,
    is_out_of_memory,
    shape_of,
)
from llmops_assets.training.planning import Load, plan_memory
from llmops_assets_tests.training.conftest import Ground

PLAN = MemoryPlan(6, 1, checkpointing=False, max_length=256, rank=16)
SMOLLM2 = ModelShape(parameters=134_000_000, layers=30, hidden=576, intermediate=1536, vocabulary=49152)


def ladder(plan: MemoryPlan) -> list[MemoryPlan]:
    rungs, rung = [], plan.step_down()
    while rung is not None:
        rungs.append(rung)
        rung = rung.step_down()
    return rungs


def test_the_ladder_halves_the_batch_then_recomputes_then_shortens_then_shrinks_the_adapter() -> None:
    assert [(r.micro_batch, r.accumulation, r.checkpointing, r.max_length, r.rank) for r in ladder(PLAN)] == [
        (3, 2, False, 256, 16),
        (1, 6, False, 256, 16),
        (1, 6, True, 256, 16),
        (1, 6, True, 128, 16),
        (1, 6, True, 64, 16),
        (1, 6, True, 64, 8),
        (1, 6, True, 64, 4),
    ]


@pytest.mark.parametrize("batch", [1, 5, 8, 12])
def test_the_effective_batch_stays(batch: int) -> None:
    plan = MemoryPlan(batch, 1, checkpointing=False, max_length=64, rank=4)
    assert {rung.micro_batch * rung.accumulation for rung in ladder(plan)} == {batch}


def test_each_rung_needs_no_more_than_the_one_above() -> None:
    needs = [estimate(SMOLLM2, rung, 200, 50, 4.0).memory for rung in (PLAN, *ladder(PLAN))]
    assert needs == sorted(needs, reverse=True)


def test_the_estimate_of_the_embedded_base_is_its_weights_and_some() -> None:
    found = estimate(SMOLLM2, PLAN, 100, 30, 4.0)
    assert found.weights == 536_000_000
    assert found.logits == 3 * 4 * 6 * 30 * 49152
    assert 1.5 < found.memory / GIB < 4


def test_the_first_rung_that_fits_is_taken() -> None:
    def need(rung: MemoryPlan) -> object:
        return estimate(SMOLLM2, rung, 200, 50, 4.0)

    free = estimate(SMOLLM2, ladder(PLAN)[1], 200, 50, 4.0).memory
    assert fitting_plan(PLAN, need, free)[0] == ladder(PLAN)[1]
    with pytest.raises(TrainingError, match=r"0\.1 are free; choose a smaller base_model"):
        fitting_plan(PLAN, need, 0.1 * GIB)


def test_a_run_out_of_memory_goes_one_rung_down_and_says_so() -> None:
    said: list[str] = []

    def attempt(rung: MemoryPlan) -> int:
        if rung.micro_batch > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return rung.accumulation

    result, left = descend(PLAN, attempt, said.append)
    assert result == 6
    assert [rung["micro_batch"] for rung in left] == [6, 3]
    assert len(said) == 2


def test_the_end_of_the_ladder_is_an_error_of_one_line() -> None:
    def attempt(rung: MemoryPlan) -> int:
        raise MemoryError

    with pytest.raises(TrainingError, match=r"none of 8 did"):
        descend(PLAN, attempt, lambda _: None)


def test_another_error_is_not_taken_for_memory() -> None:
    def attempt(rung: MemoryPlan) -> int:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        descend(PLAN, attempt, lambda _: None)
    assert not is_out_of_memory(TrainingError("not enough memory"))


def test_a_full_disk_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="of disk for checkpoints"):
        check_disk(tmp_path, 1e18)


def test_the_shape_of_a_model_counts_its_parameters(ground: Ground) -> None:
    from safetensors.torch import load_file

    weights = load_file(ground.model / "model.safetensors")
    counted = sum(weight.numel() for weight in weights.values())
    assert shape_of(ground.model).parameters == pytest.approx(counted, rel=1e-3)


def test_a_pair_is_planned_as_two_rows(ground: Ground) -> None:
    backend = Backend("transformers", "cpu", "float32", 1, "test")
    one = plan_memory(ground.model, ground.config, backend, Load(60, 20, 4))[1]
    two = plan_memory(ground.model, ground.config, backend, Load(60, 20, 4, rows=2))[1]
    assert two.activations == 2 * one.activations
    assert two.logits == 2 * one.logits
