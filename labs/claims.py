"""The verdict on a claim, with the numbers behind it: asserted, then shown as a card.

The claims stand in `book/claims.yml`. The cell that measures one ends with

    labs.claims.record("A5", "holds", {"final loss": (losses, "< 0.6")}, sources=["cohen2021"])

A number that may differ on another CPU is written after `≈`. Notebooks are compared without it, and
the cell that prints it asserts it.
"""

import functools
import json
import pathlib
import re

import numpy as np
import yaml

from labs import card

HERE = pathlib.Path(__file__).parent
MIME = "application/vnd.labs.claim"
"""A card's contents as a JSON string: what a page of all verdicts is made from."""
VERDICTS = ("holds", "holds when", "does not hold")
ROUNDING = 1e-12  # a smaller share of a value than this comes from arithmetic

_NUMBER = r"(?:\d(?:[\d,]*\d)?(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_SIGNED = f"([-+]?{_NUMBER})"
_TESTS = {
    f"{_SIGNED} to {_SIGNED}": lambda low, high, x: (low <= x) & (x <= high),
    f"< *{_SIGNED}": lambda bound, x: x < bound,
    f"<= *{_SIGNED}": lambda bound, x: x <= bound,
    f"> *{_SIGNED}": lambda bound, x: x > bound,
    f">= *{_SIGNED}": lambda bound, x: x >= bound,
    f"= *{_SIGNED}": lambda exact, x: x == exact,
    f"{_SIGNED} ± ({_NUMBER})": lambda middle, by, x: (
        np.abs(x - middle) <= by + ROUNDING * abs(middle)
    ),
}


def known():
    """The table of claims, {id: {"says": a sentence, "chapter": a path in the book}}.

    It is read from the repository, or where pip installed labs, from the copy inside the package.
    """
    copy = HERE / "book" / "claims.yml"
    path = copy if copy.exists() else HERE.parent / "book" / "claims.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def record(id, verdict, measured, *, when=None, note=None, sources=()):
    """Check what was measured, and show the verdict on claim `id` as a card.

    `verdict`: "holds", "holds when" (then `when` says the condition, in a few words) or "does not
    hold". `measured`: {quantity: (value, expectation)}; a value is a number, or an array of repeats
    of any shape, each of which has to meet the expectation: "LOW to HIGH", "< x", "<= x", "> x",
    ">= x", "= x" or "x ± d". `note`: a sentence more. `sources`: keys of the bibliography.

    Raises AssertionError where a value does not meet its expectation; ValueError for an unknown
    claim, verdict or source, nothing measured, values that are not finite, and an expectation that
    cannot be read.
    """
    from IPython.display import display  # here: reading claims and `spread` need no IPython

    claim = _claim(id, verdict, when)
    if not measured:
        raise ValueError(
            f"claim {id}: measured must name at least one quantity, got {measured!r}; "
            'pass {"quantity": (value, "expectation")}'
        )
    contents = {
        "id": id,
        "verdict": verdict,
        "when": when,
        "note": note,
        **claim,
        "sources": list(sources),
        "measured": [_checked(id, name, entry) for name, entry in measured.items()],
    }
    texts = {
        "text/plain": card.plain(contents),
        "text/html": card.html(contents),
        MIME: json.dumps(contents, ensure_ascii=False),
    }
    display(texts, raw=True)


def spread(values, digits=2):
    """The mean of `values` and their sample standard deviation as text: '≈ 0.473 ± 0.004'.

    `values`: array-like of any shape, all of it repeats of one measurement. The deviation has one
    significant digit, two where the first is 1. A single value, or the mean of equal ones, has
    `digits` significant digits: '≈ 0.47'. Raises ValueError where there is no value, or one that is
    no finite number.
    """
    numbers = _finite(values)
    if numbers.size == 1:
        return f"≈ {_rounded(numbers[0], digits)}"
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    if deviation <= ROUNDING * np.abs(numbers).max():
        return f"≈ {_rounded(mean, digits)} ± 0"
    first, _, exponent = f"{deviation:.1e}".partition("e")
    place = int(exponent) - (first[0] == "1")
    power = _power(max(abs(mean), deviation))
    return f"≈ {_written(mean, place, power)} ± {_written(deviation, place, power)}"


# ---- Numbers ----


def _finite(values):
    """`values` as a flat array of floats (N,), N > 0; ValueError where they are something else."""
    array = np.asarray(values)
    if array.dtype == object and all(type(value) is int for value in array.flat):
        array = array.astype(float)  # some have more than 64 bits, as counts of operations do
    if array.size == 0 or array.dtype.kind not in "iuf":
        raise ValueError(f"expected numbers, got {values!r}; pass one number or an array of them")
    wrong = int(array.size - np.isfinite(array).sum())
    if wrong:
        raise ValueError(
            f"expected finite numbers, got {wrong} of {array.size} that are not finite; "
            "leave diverged runs out, and say beside it how many there were"
        )
    return array.astype(float).ravel()


def _rounded(value, digits):
    """A number with `digits` significant digits, as the pages write a loss: 0.047, 120, 7e-18."""
    if value == 0:
        return "0"
    place = int(f"{value:.{digits - 1}e}".partition("e")[2]) - digits + 1
    power = _power(round(float(value), -place))
    text = _written(value, place, power)
    mantissa, mark, exponent = text.partition("e")
    return f"{float(mantissa):g}e{exponent}" if mark else text


def _power(size):
    """The power of ten to write a number of this size with, or 0 for none."""
    return 0 if 1e-3 <= abs(size) < 1e4 else int(f"{size:e}".partition("e")[2])


def _written(value, place, power):
    """`value`, its last digit worth 10 ** place, as a multiple of 10 ** power."""
    multiple = round(float(value), -place) / 10.0**power + 0.0  # + 0.0: no minus before a zero
    return f"{multiple:.{max(power - place, 0)}f}" + (f"e{power}" if power else "")


# ---- Checking ----


def _claim(id, verdict, when):
    """The entry of claim `id`, once the verdict on it makes sense."""
    table = known()
    if id not in table:
        raise ValueError(
            f"claim must be one of {', '.join(table)}, got {id!r}; add it to book/claims.yml"
        )
    if verdict not in VERDICTS:
        raise ValueError(f"claim {id}: verdict must be one of {VERDICTS}, got {verdict!r}")
    if bool(when) != (verdict == "holds when"):
        raise ValueError(
            f"claim {id}: expected a condition with 'holds when' and with no other verdict, got "
            f"{verdict!r} and when={when!r}; say it with when='…', or say more with note='…'"
        )
    return table[id]


def _checked(id, name, entry):
    """What a card says of one quantity. Raises AssertionError where a value is not as expected."""
    if not (isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[1], str)):
        raise ValueError(
            f"claim {id}, {name!r}: expected (value, expectation), got {entry!r}; "
            'for example (0.099, "0.095 to 0.1")'
        )
    values, expectation = entry
    where = f"claim {id}, {name!r}"
    try:
        numbers, test = _finite(values), _test(expectation)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not test(numbers).all():
        raise AssertionError(
            f"{where}: expected {expectation}, measured {', '.join(f'{x:.6g}' for x in numbers)}; "
            "either the run or the verdict is wrong: find out which before you change one"
        )
    value = _value(numbers, expectation, test)
    return {"name": name, "value": value, "expectation": expectation, "repeats": numbers.size}


def _test(expectation):
    """What an expectation asks, as a function of an array (N,) that returns N bools."""
    for form, test in _TESTS.items():
        if found := re.fullmatch(form, expectation.strip()):
            bounds = [float(text.replace(",", "")) for text in found.groups()]
            if " to " not in expectation or bounds[0] <= bounds[1]:
                return functools.partial(test, *bounds)
    raise ValueError(
        "expectation must read 'LOW to HIGH', '< x', '<= x', '> x', '>= x', '= x' or 'x ± d', "
        f"got {expectation!r}; write it with plain numbers, the lower one first"
    )


def _value(numbers, expectation, test):
    """What was measured, as text. A single value has enough digits to be seen to be as expected."""
    if expectation.strip().startswith("="):
        return expectation.strip("= ")  # the same on every machine
    if numbers.size > 1:
        return spread(numbers)
    fewest = 3 if abs(numbers[0]) >= 1 else 2
    texts = [spread(numbers, digits) for digits in range(fewest, 16)]
    return next((text for text in texts if test(float(text.removeprefix("≈ ")))), texts[-1])
