"""Numbers as the explorer writes them: static/format.js in Python, digit for digit.

Both round the exact binary value, halves away from zero as JavaScript does; Python's own formats
would round halves to even.
"""

import decimal
import math

NONE = "–"  # where there is no number


def loss(value):
    """A loss: two digits, three from one upwards."""
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 999.5:
        return _power(value, 2)
    return _precise(value, 3 if size >= 1 else 2)


def number(value):
    """Any other number: whole ones below 1e6 in full, others to three digits. A score of 0.9 reads
    0.900.
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-3:
        return _power(value, 3)
    if value == int(value) or size >= 999.5:
        return count(_whole(value))
    return _precise(value, 3)


def count(value):
    """A count: 7,680."""
    return f"{value:,}"


def _whole(value):
    """The nearest whole number, halves upwards."""
    return math.floor(decimal.Decimal(value) + decimal.Decimal("0.5"))


def _rounded(value, digits):
    """`value`, not zero, to so many significant digits, as an exact decimal."""
    exact = decimal.Decimal(value)
    context = decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP)
    rounded = context.plus(exact)
    # a whole number such as 7 has fewer digits than asked for: pad it
    return rounded.quantize(decimal.Decimal((0, (1,), rounded.adjusted() - digits + 1)))


def _precise(value, digits):
    """As toPrecision: trailing zeros stay, and a power of ten where the digits end before units."""
    rounded = _rounded(value, digits)
    if rounded.adjusted() < digits:
        return f"{rounded:f}"
    return f"{rounded:e}"


def _power(value, digits):
    rounded = _rounded(value, digits)
    mantissa = rounded.scaleb(-rounded.adjusted())
    return f"{_plain(mantissa)}e{rounded.adjusted()}"


def _plain(rounded):
    """Without trailing zeros and without an exponent."""
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
