"""Arrays as short bytes, and back. `static/coding.js` is the other decoder.

- `log16`    a loss: the logarithm in steps of `log_step` (0: missing), differences along time,
             signs folded into the lowest bit. Its relative error is at most half of `log_step`; a
             loss of exactly 0 is coded as the lowest positive one.
- `float32`, `float64`, `int32`, `uint8`  numbers as they are.
- `frame`    one moment of a view: `levels` + 1 grey values, each less the value foretold from its
             left, upper and upper-left neighbours (the median edge detector of LOCO-I, Weinberger
             et al. 2000).

Numbers of several bytes are stored as byte planes: the most significant byte of all of them, then
the next.
"""

import math

import numpy as np

LOG_STEP = 0.0018  # relative error of a loss: 0.0009
CODES = 65_000  # of the 2¹⁶ that there are
LEAST = 1e-12  # stands for a loss of 0 where no loss is positive


def log_scale(losses):
    """The (floor, step) of the logarithms that hold all `losses`, a list of arrays.

    Raises ValueError for a negative loss.
    """
    flat = np.concatenate([array.ravel() for array in losses])
    flat = flat[np.isfinite(flat)]
    if (flat < 0).any():
        raise ValueError(
            f"a loss must be at least 0 to be drawn by an Explorer, got {flat.min():.3g}; "
            "add a constant to the task's loss"
        )
    positive = flat[flat > 0]
    if not positive.size:
        return math.log(LEAST), LOG_STEP
    floor = math.log(positive.min())
    return floor, max(LOG_STEP, (math.log(positive.max()) - floor) / CODES)


def code_log16(values, floor, step):
    """Losses (*axes, K) as 16-bit logarithms, differenced along time: bytes."""
    finite = np.isfinite(values)
    logs = np.log(np.where(finite, np.maximum(values, math.exp(floor)), 1.0).astype(float))
    codes = np.where(finite, 1 + np.round((logs - floor) / step), 0).astype(np.int32)
    # Modulo 2¹⁶, as the differences are added up again.
    change = (np.diff(codes, axis=-1, prepend=0) + 0x8000) % 0x10000 - 0x8000
    folded = np.where(change >= 0, 2 * change, -2 * change - 1)
    return planes(np.moveaxis(folded, -1, 0), "<u2")


def read_log16(raw, shape, floor, step):
    """Losses as the page shows them: float64 of `shape`, NaN where missing."""
    *axes, steps = shape
    folded = unplane(raw, "<u2").reshape(steps, *axes).astype(np.int32)
    codes = np.cumsum(np.where(folded & 1, -(folded >> 1) - 1, folded >> 1), axis=0) & 0xFFFF
    losses = np.where(codes > 0, np.exp(floor + (codes - 1) * step), np.nan)
    return np.moveaxis(losses, 0, -1)


NUMBERS = {"float32": "<f4", "float64": "<f8", "int32": "<i4", "uint8": "u1"}


def kind_of(values):
    """float32 where that keeps every number's size, float64 for numbers beyond its range."""
    with np.errstate(over="ignore", under="ignore"):
        short = values.astype(np.float32)
    kept = (np.isfinite(short) == np.isfinite(values)) & ((short == 0) == (values == 0))
    return "float32" if kept.all() else "float64"


def code_frame(images, levels):
    """Images (…, H, W) of 0…255 as `levels` + 1 grey values, less what their neighbours foretell:
    bytes.
    """
    grey = np.round(images / 255.0 * levels).astype(np.int16)
    padded = np.pad(grey, [(0, 0)] * (grey.ndim - 2) + [(1, 0), (1, 0)])
    foretold = _foretell(padded[..., 1:, :-1], padded[..., :-1, 1:], padded[..., :-1, :-1])
    return (grey - foretold).astype(np.uint8).tobytes()


def read_frame(raw, shape):
    """The grey values of images of `shape`, (…, H, W)."""
    rest = np.frombuffer(raw, np.int8).reshape(shape).astype(np.int16)
    grey = np.zeros((*shape[:-2], shape[-2] + 1, shape[-1] + 1), np.int16)
    for y in range(1, shape[-2] + 1):
        for x in range(1, shape[-1] + 1):
            left, upper = grey[..., y, x - 1], grey[..., y - 1, x]
            corner = grey[..., y - 1, x - 1]
            grey[..., y, x] = rest[..., y - 1, x - 1] + _foretell(left, upper, corner)
    return grey[..., 1:, 1:]


def _foretell(left, upper, corner):
    return np.clip(left + upper - corner, np.minimum(left, upper), np.maximum(left, upper))


def planes(array, dtype):
    """The bytes of an array, the most significant of every number first: neighbours alike, so that
    zlib shortens them.
    """
    whole = np.ascontiguousarray(array.astype(dtype))
    return whole.reshape(-1, 1).view(np.uint8)[:, ::-1].T.tobytes()


def unplane(raw, dtype):
    """The numbers whose byte planes these are."""
    width = np.dtype(dtype).itemsize
    return np.frombuffer(np.frombuffer(raw, np.uint8).reshape(width, -1)[::-1].T.tobytes(), dtype)
