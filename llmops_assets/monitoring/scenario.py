"""One scenario of a rule: metrics over time, and the minutes at which an alert fires or stays quiet."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Expectation:
    """What must be true of one alert at one minute."""

    minute: int
    alert: str
    fires: bool
    severity: str | None = None


def fires(alert: str, *minutes: int, severity: str | None = None) -> list[Expectation]:
    """The alert must fire at these minutes."""
    return [Expectation(minute, alert, True, severity) for minute in minutes]


def quiet(alert: str, *minutes: int, severity: str | None = None) -> list[Expectation]:
    """The alert must not fire at these minutes."""
    return [Expectation(minute, alert, False, severity) for minute in minutes]


@dataclass(frozen=True)
class Scenario:
    """Some metrics over time, and what they must lead to."""

    name: str
    series: Sequence[tuple[str, str]]
    expected: Sequence[Expectation]
