"""A record coded small enough to sit in a page: arrays of a `Runs` to bytes, and back as the page sees them.

    R runs (the product of the axes)   S settings (R without the seed axis)   K recorded steps   F frames of H × W pixels

The payload is several zlib streams, one after another; `meta["parts"]` says where each begins, and how it is coded:

- `log16`    a loss: the logarithm in steps of `log_step` (0: missing), differences along time, signs folded into the
             lowest bit, high bytes before low bytes. Its relative error is at most half of `log_step`; a loss of
             exactly 0 is coded as the lowest positive one.
- `linear16` a score between `low` and `high` in 65,534 steps (0: missing).
- `int32`, `uint8`  plain little-endian numbers, byte planes.
- `frame`    one moment of the model view for every setting: `levels` + 1 grey values, each less the value foretold
             from its left, upper and upper-left neighbours (the median edge detector of LOCO-I, Weinberger et al. 2000).

Views are most of a payload. They ship for the first seed only, and frames, then pixels, are thinned until the whole
fits the limit. What was dropped stands in `meta["view"]`. `static/record.js` is the other decoder.
"""
import itertools
import math
import zlib

import numpy as np

LOG_STEP = 0.0018          # relative error of a loss: 0.0009
FINENESS = (64, 16)        # grey levels of a view, the finer where it fits; even, so that probability 1/2 is a level
FEWEST_FRAMES = 6          # fewer than these, and pixels are given up instead
EFFORT = 7                 # zlib: 9 is 4 % smaller and eight times slower
SERIES = ("train_loss", "val_loss")


def encode(runs, limit):
    """Code the arrays of `runs`.

    Returns (meta, payload): `meta` is JSON-able and holds "parts", "log_step", "log_floor" and "view" (None, or what
    ships of it); `payload` is bytes. Where the losses alone pass `limit` bytes they ship whole, without views.
    """
    floor = _log_floor(runs)
    step = max(LOG_STEP, (_log_ceiling(runs) - floor) / 65_000)
    metric = runs.arrays["val_metric"][..., -1]
    low, high = _finite_range(metric)
    streams = [(dict(name=name, kind="log16", shape=list(runs.arrays[name].shape)), code_log16(runs.arrays[name], floor, step))
               for name in SERIES]
    streams += [
        (dict(name="final_metric", kind="linear16", shape=list(runs.shape), low=low, high=high),
         code_linear16(metric, low, high)),
        (dict(name="diverged_at", kind="int32", shape=list(runs.shape)), _planes(runs.arrays["diverged_at"].astype("<i4"))),
        (dict(name="trained", kind="uint8", shape=list(runs.shape)), _planes(runs.arrays["trained"].astype("u1"))),
    ]
    packed = [(head, zlib.compress(raw, EFFORT)) for head, raw in streams]
    view, frames = code_views(runs, limit - sum(len(data) for _, data in packed))
    parts, position = [], 0
    for head, data in packed + frames:
        parts.append(head | {"at": position, "length": len(data)})
        position += len(data)
    meta = {"log_floor": floor, "log_step": step, "parts": parts, "view": view}
    return meta, b"".join(data for _, data in packed + frames)


def decode(meta, payload):
    """The arrays as the page shows them: losses float64 (*axes, K), NaN where missing; `view` float64 (S…, F, H, W) in 0…1."""
    arrays, frames = {}, []
    for part in meta["parts"]:
        raw = zlib.decompress(payload[part["at"]:part["at"] + part["length"]])
        if part["kind"] == "frame":
            frames.append(_read_frame(raw, part["shape"]) / meta["view"]["levels"])
        else:
            arrays[part["name"]] = READERS[part["kind"]](raw, part, meta)
    if frames:
        arrays["view"] = np.stack(frames, axis=-3)
    arrays["trained"] = arrays["trained"].astype(bool)
    return arrays


def code_log16(values, floor, step):
    """Losses (*axes, K) as 16-bit logarithms, differenced along time: bytes."""
    finite = np.isfinite(values)
    logs = np.log(np.where(finite, np.maximum(values, math.exp(floor)), 1.0).astype(float))
    codes = np.where(finite, 1 + np.round((logs - floor) / step), 0).astype(np.int32)
    change = (np.diff(codes, axis=-1, prepend=0) + 0x8000) % 0x10000 - 0x8000      # modulo 2¹⁶, as they are added up again
    folded = np.where(change >= 0, 2 * change, -2 * change - 1)
    return _planes(np.moveaxis(folded.astype("<u2"), -1, 0))


def _read_log16(raw, part, meta):
    *axes, steps = part["shape"]
    folded = _unplane(raw, "<u2").reshape(steps, *axes).astype(np.int32)
    codes = np.cumsum(np.where(folded & 1, -(folded >> 1) - 1, folded >> 1), axis=0) & 0xFFFF
    losses = np.where(codes > 0, np.exp(meta["log_floor"] + (codes - 1) * meta["log_step"]), np.nan)
    return np.moveaxis(losses, 0, -1)


def code_linear16(values, low, high):
    """Scores between `low` and `high` as 16-bit numbers, 0 where missing: bytes."""
    finite = np.isfinite(values)
    share = (np.where(finite, values, low).astype(float) - low) / ((high - low) or 1.0)
    return _planes(np.where(finite, 1 + np.round(share * 65_534), 0).astype("<u2"))


def _read_linear16(raw, part, meta):
    codes = _unplane(raw, "<u2").reshape(part["shape"]).astype(float)
    return np.where(codes > 0, part["low"] + (codes - 1) / 65_534 * (part["high"] - part["low"]), np.nan)


READERS = {
    "log16": _read_log16,
    "linear16": _read_linear16,
    "int32": lambda raw, part, meta: _unplane(raw, "<i4").reshape(part["shape"]),
    "uint8": lambda raw, part, meta: _unplane(raw, "u1").reshape(part["shape"]),
}


def code_views(runs, room):
    """The model views that fit `room` bytes: (what meta says of them, a list of coded frames), or (None, [])."""
    about = (runs.provenance.get("task") or {}).get("view")
    if about is None or "view" not in runs.arrays:
        return None, []
    views = runs.arrays["view"]
    names = [axis.name for axis in runs.axes]
    if "seed" in names:
        views = np.take(views, 0, axis=names.index("seed"))
    steps, size = about["steps"], views.shape[-1]
    for pixels, levels in itertools.product([size, *(s for s in (24, 20, 16, 12) if s < size)], FINENESS):
        frames = [zlib.compress(code_frame(shrink(views[..., f, :, :], pixels), levels), EFFORT) for f in range(len(steps))]
        keep = _frames_that_fit([len(frame) for frame in frames], room)
        if len(keep) >= min(FEWEST_FRAMES, len(steps)):
            break
    else:
        keep = keep if len(keep) > 1 else []
    if not keep:
        return {**about, "steps": [], "recorded": len(steps), "pixels": 0, "levels": levels}, []
    shape = [*views.shape[:-3], pixels, pixels * views.shape[-1] // views.shape[-2]]
    said = {**about, "steps": [steps[f] for f in keep], "recorded": len(steps), "pixels": pixels, "recorded_pixels": size,
            "levels": levels}
    return said, [(dict(name="view", kind="frame", shape=shape), frames[f]) for f in keep]


def _frames_that_fit(sizes, room):
    """Indices of as many frames as fit, first and last among them, evenly spread."""
    for count in range(len(sizes), 1, -1):
        keep = sorted({round(i * (len(sizes) - 1) / (count - 1)) for i in range(count)})
        if sum(sizes[f] for f in keep) <= room:
            return keep
    return [0] if len(sizes) == 1 and sizes[0] <= room else []


def shrink(images, pixels):
    """Square images (…, H, H) at `pixels` × `pixels`, by linear interpolation at the same corners."""
    size = images.shape[-1]
    if pixels == size:
        return images
    place = np.linspace(0, size - 1, pixels)
    left = np.minimum(place.astype(int), size - 2)
    weight = np.zeros((pixels, size))
    weight[np.arange(pixels), left] = 1 - (place - left)
    weight[np.arange(pixels), left + 1] += place - left
    return weight @ images.astype(float) @ weight.T


def code_frame(images, levels):
    """Images (…, H, W) of 0…255 as `levels` + 1 grey values, less what their neighbours foretell: bytes."""
    grey = np.round(images / 255.0 * levels).astype(np.int16)
    padded = np.pad(grey, [(0, 0)] * (grey.ndim - 2) + [(1, 0), (1, 0)])
    foretold = _foretell(padded[..., 1:, :-1], padded[..., :-1, 1:], padded[..., :-1, :-1])
    return (grey - foretold).astype(np.uint8).tobytes()


def _foretell(left, upper, corner):
    return np.clip(left + upper - corner, np.minimum(left, upper), np.maximum(left, upper))


def _read_frame(raw, shape):
    rest = np.frombuffer(raw, np.int8).reshape(shape).astype(np.int16)
    grey = np.zeros((*shape[:-2], shape[-2] + 1, shape[-1] + 1), np.int16)
    for y in range(1, shape[-2] + 1):
        for x in range(1, shape[-1] + 1):
            left, upper, corner = grey[..., y, x - 1], grey[..., y - 1, x], grey[..., y - 1, x - 1]
            grey[..., y, x] = rest[..., y - 1, x - 1] + _foretell(left, upper, corner)
    return grey[..., 1:, 1:]


def _planes(array):
    """The bytes of an array, the most significant of every number first: neighbours alike, so that zlib shortens them."""
    return array.reshape(-1, 1).view(np.uint8)[:, ::-1].T.tobytes() if array.itemsize > 1 else array.tobytes()


def _unplane(raw, dtype):
    width = np.dtype(dtype).itemsize
    return np.frombuffer(np.frombuffer(raw, np.uint8).reshape(width, -1)[::-1].T.tobytes(), dtype)


def _finite_range(array):
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _losses(runs):
    losses = np.concatenate([runs.arrays[name].ravel() for name in SERIES])
    losses = losses[np.isfinite(losses)]
    if (losses < 0).any():
        raise ValueError(f"a loss must be at least 0 to be drawn by an Explorer, got {losses.min():.3g}; "
                         "add a constant to the task's loss")
    return losses


def _log_floor(runs):
    losses = _losses(runs)
    return math.log(losses[losses > 0].min()) if (losses > 0).any() else 0.0


def _log_ceiling(runs):
    losses = _losses(runs)
    return math.log(losses.max()) if (losses > 0).any() else 0.0
