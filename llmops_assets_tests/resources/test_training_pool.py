"""How many trainings run at once: what is asked for, before what a person set, before what fits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from llmops_assets.machine import AtOnce
from llmops_assets.resources.training_pool import POOL, limit_trainings

REAL = Path(__file__).resolve().parents[2]
SMALL, LARGE, ASKED = AtOnce(1, "small"), AtOnce(4, "large"), AtOnce(2, "asked for")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text((REAL / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as made:
        yield made


def limit(instance: DagsterInstance) -> int | None:
    return instance.event_log_storage.get_concurrency_info(POOL).limit


def test_what_fits_follows_the_machine(instance: DagsterInstance) -> None:
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    for fitting in (LARGE, SMALL):
        assert limit_trainings(instance, None, fitting) == fitting
        assert limit(instance) == fitting.count


def test_what_was_set_by_hand_stays(instance: DagsterInstance) -> None:
    limit_trainings(instance, None, SMALL)
    instance.event_log_storage.set_concurrency_slots(POOL, 3)
    assert limit_trainings(instance, None, LARGE).count == 3
    assert limit(instance) == 3


def test_what_was_set_by_hand_before_the_first_start_stays(instance: DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots(POOL, 3)
    assert limit_trainings(instance, None, SMALL) == AtOnce(3, "the limit of the pool training was set by hand")


def test_what_is_asked_for_goes_before_what_was_set_by_hand_and_does_not_outlive_its_asking(
    instance: DagsterInstance,
) -> None:
    instance.event_log_storage.set_concurrency_slots(POOL, 3)
    assert limit_trainings(instance, ASKED, SMALL) == ASKED
    assert limit(instance) == 2
    assert limit_trainings(instance, None, SMALL) == SMALL
    assert limit(instance) == 1
