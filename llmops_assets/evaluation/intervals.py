"""How sure a share is: Wilson intervals, and what n cases can prove."""

import math
from collections.abc import Sequence

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
    """What n cases with so many failures prove, in one sentence (Clopper and Pearson's exact bound, one-sided)."""
    from scipy.stats import beta

    if n == 0:
        return "No case was judged, so nothing is proven."
    bound = float(beta.ppf(0.95, failures + 1, n - failures)) if failures < n else 1.0
    failed = f"{failures or 'no'} failure{'s' if failures > 1 else ''}"
    return f"With n = {n} and {failed}, the true failure rate is below {bound:.2%} with 95% confidence."
