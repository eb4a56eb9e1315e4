import pytest

from llmops_assets.evaluation.drawing import BAR_WIDTH, CURVE_BOTTOM, CURVE_LEFT, CURVE_RIGHT, Axis, axis, bar, curve

GATE = {"value": 0.9, "low": 0.85, "high": 0.95, "line": 0.88, "threshold": ">= 0.88"}


@pytest.mark.parametrize(
    ("values", "room", "ends"),
    [
        ((), False, (0.0, 1.0)),
        ((None, 0.5, 1.0), False, (0.5, 1.0)),
        ((0.972, 0.993, 0.99), True, (0.965, 1.0)),
        ((0.0, 0.029, 0.1), True, (0.0, 0.11)),
        ((0.7, 0.93, 0.983), True, (0.65, 1.0)),
        ((0.0, 2.85), False, (0.0, 3.0)),
        ((1.0, 1.0), False, (0.995, 1.0)),
        ((0.0,), False, (0.0, 0.005)),
    ],
)
def test_an_axis_holds_its_values_between_round_ends(
    values: tuple[float | None, ...], room: bool, ends: tuple[float, float]
) -> None:
    found = axis(values, room=room)
    assert (found.low, found.high) == pytest.approx(ends)


def test_ticks_are_round_from_end_to_end() -> None:
    assert axis((0.0, 2.85), parts=5).ticks == [0.0, 1.0, 2.0, 3.0]


def test_what_is_off_the_axis_lies_at_its_end() -> None:
    found = Axis(0.5, 1.0, 0.1)
    assert [found.place(value, 0, 200) for value in (0.2, 0.5, 0.75, 1.0, 3.0)] == [0.0, 0.0, 100.0, 200.0, 200.0]


def test_a_bar_has_the_interval_the_value_and_the_threshold_on_one_scale() -> None:
    found = bar(GATE, Axis(0.8, 1.0, 0.05))
    assert found is not None
    assert (found.low, found.value, found.high, found.line) == (50.0, 100.0, 150.0, 80.0)
    assert (found.wrong_from, found.wrong_width) == (0.0, 80.0)
    assert found.crosses


def test_the_wrong_side_of_a_maximum_is_above_it() -> None:
    found = bar({**GATE, "threshold": "<= 0.96", "line": 0.96}, Axis(0.8, 1.0, 0.05))
    assert found is not None
    assert (found.wrong_from, found.wrong_from + found.wrong_width) == (160.0, BAR_WIDTH)
    assert not found.crosses


def test_a_row_of_a_breakdown_has_a_bar_without_threshold() -> None:
    found = bar({"share": 0.9, "low": 0.8, "high": 1.0}, Axis(0.8, 1.0, 0.05))
    assert found is not None
    assert (found.line, found.wrong_width, found.crosses) == (None, 0.0, False)


@pytest.mark.parametrize("missing", ["value", "low", "high"])
def test_without_an_interval_there_is_no_bar(missing: str) -> None:
    assert bar({**GATE, missing: None}) is None


def test_the_latency_curve_runs_from_the_fastest_to_the_slowest() -> None:
    points = [{"share": 0.0, "seconds": 0.0}, {"share": 0.5, "seconds": 1.0}, {"share": 1.0, "seconds": 4.0}]
    found = curve([{"at_once": 8, "n": 3, "quantiles": points}])
    assert found is not None
    first, _, last = found.lines[0].points.split(" ")
    assert first == f"{CURVE_LEFT}.0,{CURVE_BOTTOM}.0"
    assert last == f"{CURVE_RIGHT}.0,{found.lines[0].end}"
    assert [seconds for _, seconds in found.seconds] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert curve([]) is None
