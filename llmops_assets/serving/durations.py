"""Go's durations and times, as Ollama's API spells them."""

import re
import time
from datetime import UTC, datetime
from typing import Any

from llmops_assets.errors import ServingError

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"[+-]?(?:\d+\.?\d*(?:ns|us|µs|ms|s|m|h)|\.\d+(?:ns|us|µs|ms|s|m|h))+")
PART = re.compile(r"(\d*\.?\d*)(ns|us|µs|ms|s|m|h)")
FOREVER = float("inf")


class DurationError(ServingError):
    """A text that is no duration."""


def keep_alive_seconds(value: Any) -> float:
    """How long a model stays loaded; `FOREVER` for negative values.

    Raises:
        DurationError: with Ollama's text.
    """
    if isinstance(value, str):
        seconds = _go_seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise DurationError(f"Unsupported type: '{type(value).__name__}'")
    return FOREVER if seconds < 0 else seconds


def _go_seconds(text: str) -> float:
    if text in ("0", "+0", "-0"):
        return 0.0
    if not DURATION.fullmatch(text):
        missing = re.fullmatch(r"[+-]?\d+\.?\d*", text)
        raise DurationError(f'time: {"missing unit in" if missing else "invalid"} duration "{text}"')
    seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def rfc3339(nanoseconds: int | None = None) -> str:
    """A time in UTC with nanoseconds; now where none is given."""
    nanoseconds = time.time_ns() if nanoseconds is None else nanoseconds
    whole = datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{nanoseconds % 10**9:09d}Z"


def expiry(seconds: float) -> str:
    """When something ends that has `seconds` left; a far year where it never does, as Ollama says it."""
    if seconds == FOREVER:
        return "2318-01-01T00:00:00Z"
    return rfc3339(time.time_ns() + int(seconds * 1e9))
