import pytest

from llmops_assets.errors import TrainingError
from llmops_assets.machine import AtOnce, asked_trainings, trainings_that_fit


@pytest.mark.parametrize(
    ("cores", "memory", "count"),
    [(1, 8, 1), (2, 24, 1), (2, 256, 1), (4, 35.9, 1), (4, 36, 2), (16, 128, 7), (64, 64, 3)],
)
def test_as_many_trainings_fit_as_have_cores_and_memory(cores: int, memory: float, count: int) -> None:
    assert trainings_that_fit(cores, memory, gpu=False).count == count


def test_the_reason_holds_both_counts() -> None:
    assert trainings_that_fit(16, 125.7, gpu=False).reason == (
        "126 GiB of memory hold 7 (16 GiB each, 4 for the rest), 16 cores 8 (2 each)"
    )


def test_on_a_gpu_one_training_fits_whatever_else_there_is() -> None:
    fitting = trainings_that_fit(64, 512, gpu=True)
    assert fitting.count == 1
    assert "LLMOPS_TRAININGS" in fitting.reason


@pytest.mark.parametrize("environment", [{}, {"LLMOPS_TRAININGS": ""}, {"LLMOPS_TRAININGS": " "}])
def test_who_asks_for_nothing_gets_nothing(environment: dict[str, str]) -> None:
    assert asked_trainings(environment) is None


def test_a_number_is_asked_for() -> None:
    assert asked_trainings({"LLMOPS_TRAININGS": " 3 "}) == AtOnce(3, "LLMOPS_TRAININGS says so")


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²"])
def test_what_is_no_number_of_trainings_is_refused(text: str) -> None:
    with pytest.raises(TrainingError, match="expected a whole number above zero in LLMOPS_TRAININGS, got '"):
        asked_trainings({"LLMOPS_TRAININGS": text})
