"""What the values of an axis are called: short, and never two alike."""

import bisect
import math
import numbers

import numpy as np

DIGITS = 3  # a number has no more of them, unless two would read alike
EXACT = 17  # so many say which number of 64 bits it is
WHOLE = 2**53  # from here on a float does not hold every whole number
LARGEST = float(np.finfo(float).max)
MOST = 12  # so many values are told of a long axis


def axis_labels(values):
    """A label for each value of an axis, as the chapters write it: 0.003, 1e-4, 3.16, adam.

    Different values have different labels, and the value nearest to the number on a label is the
    one that it stands for. Whole numbers are written in full, or as 2e6 where that is the same
    number; others have three digits, and more only where two would read alike.
    """
    values = [value.item() if _is_plain(value) else value for value in values]
    texts = [_text(value, DIGITS) for value in values]
    digits = [DIGITS] * len(values)
    floats = {i: float(value) for i, value in enumerate(values) if _is_finite(value)}
    for _ in range(DIGITS, EXACT):
        for i in (short := _too_short(floats, texts)):
            digits[i] += 1
            texts[i] = _text(values[i], digits[i])
        if not short:
            break
    return tuple(_told_apart(values, texts))


def listed(values):
    """The labels of an axis in a row, for a message; the middle of a long axis is left out."""
    texts = axis_labels(values)
    if len(texts) > MOST:
        texts = (*texts[: MOST - 1], "…", texts[-1])
    return f"[{', '.join(texts)}]"


def code(value):
    """An expression that makes a value of an axis."""
    finite = not isinstance(value, float) or math.isfinite(value)
    return repr(value) if finite else f"float('{value}')"


def _is_plain(value):
    return isinstance(value, np.generic) and value.dtype.kind not in "mM"


def _is_finite(value):
    """Whether a value is a number among the floats."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and abs(value) <= LARGEST


def _text(value, digits):
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value, unit="auto"))
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    if isinstance(value, numbers.Integral):
        return _whole(int(value))
    if not math.isfinite(value):
        return str(float(value))
    number = float(value)
    if number.is_integer() and abs(number) < WHOLE:
        return _whole(int(number))
    return _rounded(number, digits)


def _whole(value):
    """A whole number in full; from a million on as 2e6, where three digits say it exactly."""
    text = str(value)
    figures = text.strip("-0")
    if abs(value) < 10**6 or len(figures) > DIGITS:
        return text
    return _power("-" * (value < 0) + figures[0], figures[1:], len(text.lstrip("-")) - 1)


def _rounded(value, digits):
    mantissa, exponent = _split(value, digits)
    if not -3 <= exponent < 6:
        return _power(*mantissa.split("."), exponent)
    decimals = max(0, digits - 1 - exponent)  # digits before the point are all written
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _split(value, digits):
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return mantissa, int(exponent)


def _power(first, rest, exponent):
    rest = rest.rstrip("0")
    return f"{first}{'.' * bool(rest)}{rest}e{exponent}"


def _too_short(floats, texts):
    """The positions of labels that another value has too, or is nearer to."""
    known = sorted(set(floats.values()))
    owners = {}
    for i, value in floats.items():
        owners.setdefault(texts[i], set()).add(value)
    short = []
    for i, value in floats.items():
        told = float(texts[i])
        if told != value and (len(owners[texts[i]]) > 1 or not _nearest(known, told, value)):
            short.append(i)
    return short


def _nearest(known, told, value):
    at = bisect.bisect_left(known, told)
    near = known[max(at - 1, 0) : at + 1]
    return all(abs(other - told) > abs(value - told) for other in near if other != value)


def _told_apart(values, texts):
    """Labels that are still alike, as those of 1 and "1", with more said."""
    for tell in (lambda i: repr(values[i]), lambda i: f"{texts[i]} ({i + 1})"):
        first, alike = {}, []
        for i, text in enumerate(texts):
            other = first.setdefault(text, i)
            if not _same(values[other], values[i]):
                alike.append(i)
        for i in alike:
            texts[i] = tell(i)
    return texts


def _same(one, other):
    return type(one) is type(other) and (one == other or one != one) or one == other
