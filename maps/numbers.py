"""Numbers as people read them: whole in full, others with two decimals at most."""

from __future__ import annotations


def written(value: float, *, signed: bool = False) -> str:
    """Return a number with separators of thousands: 1,234,567 or 12.5; never in powers of ten."""
    sign = "+" if signed else ""
    # Adding nothing makes a negative zero a zero.
    text = format(round(value, 2) + 0.0, f"{sign},.2f")
    return text.rstrip("0").rstrip(".")
