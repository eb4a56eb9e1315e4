"""Where the lines of the report's pictures lie: intervals as small bars, the latency curve. Numbers only, the page draws them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
BAR_WIDTH = 200
CURVE_LEFT, CURVE_RIGHT, CURVE_TOP, CURVE_BOTTOM = 48, 560, 12, 220


@dataclass(frozen=True)
class Axis:
    """The part of the number line that a picture shows."""

    low: float
    high: float
    step: float

    def place(self, value: float, start: float, end: float) -> float:
        """Where a value lies between two ends of a picture; what is off the axis lies at its end."""
        share = (value - self.low) / (self.high - self.low)
        return round(start + min(1.0, max(0.0, share)) * (end - start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round numbers from end to end."""
        count = round((self.high - self.low) / self.step)
        return [round(self.low + number * self.step, 4) for number in range(count + 1)]


def axis(values: Iterable[float | None], *, parts: int = 10, room: bool = False) -> Axis:
    """A short axis of round numbers that holds all values; that of shares stays within 0 and 1.

    Args:
        values: what has to be on it.
        parts: at most so many steps from the least value to the highest one.
        room: leave a step free beyond a value that would lie at an end.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Axis(0.0, 1.0, 0.2)
    least, most = min(known), max(known)
    step = next((step for step in STEPS if (most - least) / step <= parts), STEPS[-1])
    low, high = math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step
    narrow = high - low < step / 2
    if narrow or (room and least - low < step / 2):
        low = max(0.0, low - step)
    if narrow or (room and high - most < step / 2):
        high += step
    return Axis(round(low, 4), round(min(high, 1.0) if most <= 1 else high, 4), step)


@dataclass(frozen=True)
class Bar:
    """An interval on its axis; every place is in [0, `BAR_WIDTH`]."""

    axis: Axis
    value: float
    low: float
    high: float
    line: float | None
    wrong_from: float
    wrong_width: float

    @property
    def crosses(self) -> bool:
        """Whether the threshold lies within the interval: another draw of cases might be judged otherwise."""
        return self.line is not None and self.low < self.line < self.high


def bar(row: Mapping[str, Any], shared: Axis | None = None) -> Bar | None:
    """The bar of a row with `low`, `high`, and `value` or `share`; None where it has no interval.

    Args:
        row: a gate with `line` and `threshold`, a measure, or a row of a breakdown.
        shared: the axis of the table; without it the row gets one of its own.
    """
    value, low, high, line = row.get("value", row.get("share")), row["low"], row["high"], row.get("line")
    if value is None or low is None or high is None:
        return None
    found = shared or axis((value, low, high, line), room=True)
    at, start, end = (found.place(number, 0, BAR_WIDTH) for number in (value, low, high))
    mark = None if line is None else found.place(line, 0, BAR_WIDTH)
    below = not str(row.get("threshold", "")).startswith("<=")
    wrong = (0.0, 0.0) if mark is None else ((0.0, mark) if below else (mark, BAR_WIDTH - mark))
    return Bar(found, at, start, end, mark, *wrong)


@dataclass(frozen=True)
class Line:
    """One curve: its points as SVG writes them, and where it ends."""

    at_once: int
    points: str
    end: float


@dataclass(frozen=True)
class Curve:
    """The latency picture: ticks as (place, number), one line for each number of requests at once."""

    seconds: list[tuple[float, float]]
    shares: list[tuple[float, float]]
    lines: list[Line]


def curve(latency: Sequence[Mapping[str, Any]]) -> Curve | None:
    """The latency curve: for each share of the requests, within how many seconds they were answered."""
    most = [point["seconds"] for group in latency for point in group["quantiles"]]
    if not most:
        return None
    height, width = axis((0.0, *most), parts=5), Axis(0.0, 1.0, 0.25)

    def down(seconds: float) -> float:
        return height.place(seconds, CURVE_BOTTOM, CURVE_TOP)

    def along(share: float) -> float:
        return width.place(share, CURVE_LEFT, CURVE_RIGHT)

    lines = [
        Line(
            group["at_once"],
            " ".join(f"{along(point['share'])},{down(point['seconds'])}" for point in group["quantiles"]),
            down(group["quantiles"][-1]["seconds"]),
        )
        for group in latency
    ]
    return Curve([(down(one), one) for one in height.ticks], [(along(one), one) for one in width.ticks], lines)
