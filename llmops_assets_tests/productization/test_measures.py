"""Numbers for buyers: measured ones only."""

from typing import Any

import pytest

from llmops_assets.errors import PackagingError
from llmops_assets.productization.measures import percent, read_measures
from llmops_assets_tests.productization.made_product import made_report, metric


def test_natural_accuracy_comes_first() -> None:
    first = read_measures(made_report("d"), "TaskMaster")[0]
    assert (first.name, first.shown, first.interval, first.n) == ("natural_accuracy", "73.1%", "64.5% to 80.3%", 119)


@pytest.mark.parametrize("name", ["natural_accuracy", "accuracy", "format", "safety"])
def test_a_number_that_is_missing_is_an_error(name: str) -> None:
    report = made_report("d")
    del report["metrics"][name]
    with pytest.raises(PackagingError, match=name):
        read_measures(report, "TaskMaster")


@pytest.mark.parametrize(
    "wrong",
    [
        metric(None, 0),
        metric(float("nan"), 10, 0.1, 0.2),
        metric(0.9, 0, 0.8, 0.95),
        metric(0.9, 10),
        metric(0.9, 10, 0.1, 0.2),
        metric(1.2, 10, 0.8, 1.3),
        {},
    ],
)
def test_a_number_that_cannot_be_true_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(PackagingError, match="accuracy"):
        read_measures(made_report("d", accuracy=wrong), "TaskMaster")


def test_unscored_is_said_with_its_reason() -> None:
    found = {measure.name: measure for measure in read_measures(made_report("d"), "TaskMaster")}["preference"]
    assert (found.shown, found.interval, found.note) == ("unscored", "none", "no held-out pairs")


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "100.0%"), (0.9999, "99.9%"), (0.0, "0.0%"), (0.0001, "0.1%"), (0.7311, "73.1%")]
)
def test_rounding_never_promises_all_or_nothing(value: float, shown: str) -> None:
    assert percent(value) == shown
