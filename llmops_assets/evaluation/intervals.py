"""How sure a share is, and a difference of two: score intervals, and what n cases can prove."""

import math
from collections.abc import Callable, Sequence

from llmops_assets.gates import Metric

Z95 = 1.959963984540054


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927), both ends in [0, 1]; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(values: Sequence[float | None], note: str = "") -> Metric:
    """The mean of 0/1 scores with its interval; unscored ones are left out and counted in the note."""
    scored = [value for value in values if value is not None]
    left_out = len(values) - len(scored)
    said = "; ".join(part for part in (note, f"{left_out} unscored" if left_out else "") if part)
    if not scored:
        return Metric(None, 0, note=said or "nothing could be scored")
    low, high = wilson(round(sum(scored)), len(scored))
    return Metric(round(sum(scored) / len(scored), 6), len(scored), round(low, 6), round(high, 6), said)


def proof(n: int, failures: int = 0) -> str:
    """What n cases with so many failures prove, in one sentence: the upper end of Clopper and Pearson's exact 95% interval."""
    from scipy.stats import beta

    if n == 0:
        return "No case was judged, so nothing is proven."
    bound = float(beta.ppf(0.975, failures + 1, n - failures)) if failures < n else 1.0
    failed = f"{failures or 'no'} failure{'s' if failures > 1 else ''}"
    return f"With n = {n} and {failed}, the true failure rate is below {bound:.2%} with 95% confidence."


def paired_difference(broke: int, mended: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a difference of two shares on the same n cases (Tango 1998, Statistics in Medicine 17:891).

    Args:
        broke: cases that only the first got right.
        mended: cases that only the second got right; the difference is (mended - broke) / n.
        n: all cases that both answered.
        z: the normal quantile of the interval.

    Returns:
        Both ends in [-1, 1]; (-1, 1) where n is 0.
    """
    if n == 0:
        return -1.0, 1.0
    middle = (mended - broke) / n
    low = _crossing(-1.0, middle, z, lambda value: _tango(broke, mended, n, value))
    return low, _crossing(middle, 1.0, -z, lambda value: _tango(broke, mended, n, value))


def _tango(broke: int, mended: int, n: int, difference: float) -> float:
    """The score statistic: falls as the difference rises, 0 at the observed one."""
    linear = (2 * n - mended + broke) * difference - broke - mended
    constant = -broke * difference * (1 - difference)
    only_first = (math.sqrt(max(0.0, linear * linear - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * only_first + difference * (1 - difference))
    return (mended - broke - n * difference) / math.sqrt(variance) if variance > 0 else 0.0


def _crossing(low: float, high: float, wanted: float, falling: Callable[[float], float]) -> float:
    """Where a falling function has a value, by halving until floats end."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > wanted else (low, middle)
    return (low + high) / 2


def independent_difference(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """The interval of a difference of two shares on different cases, second minus first.

    Both Wilson intervals squared and added (Newcombe 1998, Statistics in Medicine 17:873, method 10).

    Args:
        first: successes and cases.
        second: successes and cases.
    """
    if not first[1] or not second[1]:
        return -1.0, 1.0
    (low_1, high_1), (low_2, high_2) = wilson(*first), wilson(*second)
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    middle = share_2 - share_1
    return middle - math.hypot(share_2 - low_2, high_1 - share_1), middle + math.hypot(
        high_2 - share_2, share_1 - low_1
    )
