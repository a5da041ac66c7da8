"""A record coded small enough to sit in a page: the arrays of its `Contents` to bytes, and back as
the page sees them.

The payload is several zlib streams, one after another; `meta["parts"]` says where each begins,
which array it holds and how it is coded, see labs/widgets/coding.py. Curves ship whole, of all
other values one number a run. Views are most of a payload: they ship for the first of every
repetition only, and are thinned until the whole fits the limit.
"""

import zlib

import numpy as np

from labs.widgets import coding, frames


def encode(found, limit):
    """Code the arrays of a `Contents`.

    Returns (meta, payload): `meta` is JSON-able and holds "parts", "log_step", "log_floor" and
    "view" (None, or what ships of it); `payload` is bytes. Where the numbers alone pass `limit`
    bytes they ship whole, without views. Raises ValueError for a negative loss.
    """
    floor, step = coding.log_scale(list(found.curves.values()) or [np.empty(0)])
    streams = [
        (_head(name, "log16", curve), coding.code_log16(curve, floor, step))
        for name, curve in found.curves.items()
    ]
    finals = [value for value in found.values.values() if value.name not in found.curves]
    streams += [_plain(value.name, coding.kind_of(value.array), value.array) for value in finals]
    streams.append(_plain("diverged_at", "int32", found.diverged_at))
    streams.append(_plain("trained", "uint8", found.trained))
    packed = [(head, zlib.compress(raw, frames.EFFORT)) for head, raw in streams]
    view, pictures = frames.code_view(found.view, limit - sum(len(data) for _, data in packed))
    parts, position = [], 0
    for head, data in packed + pictures:
        parts.append(head | {"at": position, "length": len(data)})
        position += len(data)
    meta = {"log_floor": floor, "log_step": step, "parts": parts, "view": view}
    return meta, b"".join(data for _, data in packed + pictures)


def _head(name, kind, array):
    return {"name": name, "kind": kind, "shape": list(array.shape)}


def _plain(name, kind, array):
    return _head(name, kind, array), coding.planes(array, coding.NUMBERS[kind])


def decode(meta, payload):
    """The arrays as the page shows them: curves (*axes, K) and values (*axes), NaN where missing;
    `view` (S…, F, H, W) in 0…1.
    """
    arrays, pictures = {}, []
    for part in meta["parts"]:
        raw = zlib.decompress(payload[part["at"] : part["at"] + part["length"]])
        name, kind, shape = part["name"], part["kind"], part["shape"]
        if kind == "frame":
            pictures.append(coding.read_frame(raw, shape) / meta["view"]["levels"])
        elif kind == "log16":
            arrays[name] = coding.read_log16(raw, shape, meta["log_floor"], meta["log_step"])
        else:
            arrays[name] = coding.unplane(raw, coding.NUMBERS[kind]).reshape(shape)
    if pictures:
        arrays["view"] = np.stack(pictures, axis=-3)
    arrays["trained"] = arrays["trained"].astype(bool)
    return arrays
