"""Go's durations and times."""

from typing import Any

import pytest

from llmops_assets.serving.durations import FOREVER, DurationError, expiry, keep_alive_seconds, rfc3339


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (300, 300.0),
        (0.5, 0.5),
        (-1, FOREVER),
        ("0", 0.0),
        ("10m", 600.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        (".5s", 0.5),
        ("-1m", FOREVER),
        ("+2s", 2.0),
        ("3us", 3e-6),
        ("3µs", 3e-6),
    ],
)
def test_a_keep_alive_in_seconds(value: Any, seconds: float) -> None:
    assert keep_alive_seconds(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("300", 'time: missing unit in duration "300"'),
        ("", 'time: invalid duration ""'),
        ("5 m", 'time: invalid duration "5 m"'),
        ("five", 'time: invalid duration "five"'),
        ("1d", 'time: invalid duration "1d"'),
        (True, "Unsupported type: 'bool'"),
        ([1], "Unsupported type: 'list'"),
    ],
)
def test_what_is_no_duration_is_refused(value: Any, error: str) -> None:
    with pytest.raises(DurationError) as raised:
        keep_alive_seconds(value)
    assert str(raised.value) == error


def test_times_have_nanoseconds_in_utc() -> None:
    assert rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"


def test_what_never_ends_ends_in_a_far_year() -> None:
    assert expiry(FOREVER).startswith("2318-")
    assert expiry(0) <= rfc3339()
