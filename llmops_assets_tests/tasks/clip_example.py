"""A function and its right docstring, as several tests of DocWriter judge them."""

CODE = """def clip(x, low, high):
    if low > high:
        raise ValueError("low must not exceed high")
    return min(max(x, low), high)"""
GOLD = """Clip a number to a range.

Args:
    x: The number to clip.
    low: The smallest result.
    high: The largest result.

Returns:
    The clipped number.

Raises:
    ValueError: If low is larger than high."""
