"""The views of a record, thinned until they fit a page.

Moments go first, then pixels; what was dropped is said in the description. S settings, F moments, H
× W values each.
"""

import itertools
import zlib

import numpy as np

from labs.widgets import coding

FINENESS = (
    64,
    16,
)  # grey levels, the finer where it fits; even, so that probability 1/2 is a level
WIDTHS = (24, 20, 16, 12)  # pixels to fall back to
FEWEST_FRAMES = 6  # fewer than these, and pixels are given up instead
MOST_SAMPLES = 600  # points at one setting; more cannot be told apart on a page
EFFORT = 7  # zlib: 9 is 4 % smaller and eight times slower


def code_view(view, room):
    """The part of a `View` that fits `room` bytes.

    Returns (what the front end must know of it, a list of (head, bytes)), or (None, []) where there
    is no view.
    """
    if view is None:
        return None, []
    samples, points = _code_samples(view)
    room -= sum(len(data) for _, data in points)
    if view.numbers:
        about, coded = _code_numbers(view, room)
        return {**view.about, **samples, **about}, [*points, *coded]
    *settings, count, _, width = view.images.shape
    for pixels, levels in itertools.product(_widths(view), FINENESS):
        images = [shrink(view.images[..., f, :, :], pixels) for f in range(count)]
        coded = [zlib.compress(coding.code_frame(image, levels), EFFORT) for image in images]
        keep = _frames_that_fit([len(frame) for frame in coded], room)
        if len(keep) >= min(FEWEST_FRAMES, count):
            break
    else:
        keep = keep if len(keep) > 1 else []
    head = {"name": "view", "kind": "frame", "shape": [*settings, *images[0].shape[-2:]]}
    about = {
        **view.about,
        **samples,
        "steps": [view.steps[f] for f in keep],
        "recorded": count,
        "pixels": pixels if keep else 0,
        "recorded_pixels": width,
        "levels": levels,
    }
    return about, [*points, *((head, coded[f]) for f in keep)]


def _code_numbers(view, room):
    """A view of numbers: all moments in one stream, every second of them until it fits."""
    count = len(view.steps)
    keep = list(range(count))
    while len(keep) > 1:
        numbers = view.images[..., keep, :, :].reshape(*view.images.shape[:-3], len(keep), -1)
        data = zlib.compress(coding.planes(numbers, "<f4"), EFFORT)
        if len(data) <= room:
            head = {"name": "view", "kind": "float32", "shape": list(numbers.shape)}
            return _numbers_about(view, keep), [(head, data)]
        keep = sorted({*keep[::2], count - 1})
        if len(keep) == 2:
            break
    return _numbers_about(view, []), []


def _numbers_about(view, keep):
    return {"steps": [view.steps[f] for f in keep], "recorded": len(view.steps)}


def _widths(view):
    width = view.images.shape[-1]
    return [width, *(w for w in WIDTHS if w < width and view.plane)]


def _frames_that_fit(sizes, room):
    """Indices of as many frames as fit, first and last among them, evenly spread."""
    for count in range(len(sizes), 1, -1):
        keep = sorted({round(i * (len(sizes) - 1) / (count - 1)) for i in range(count)})
        if sum(sizes[f] for f in keep) <= room:
            return keep
    return [0] if len(sizes) == 1 and sizes[0] <= room else []


def shrink(images, width):
    """Images (…, H, W) at `width` pixels and as many rows as keep the proportions, by interpolation
    at the same corners.
    """
    rows, columns = images.shape[-2:]
    if columns == width:
        return images
    down, across = (_interpolation(n, max(2, round(n * width / columns))) for n in (rows, columns))
    return down @ images.astype(float) @ across.T


def _interpolation(size, fewer):
    """The weights (fewer, size) of linear interpolation."""
    place = np.linspace(0, size - 1, fewer)
    left = np.minimum(place.astype(int), size - 2)
    weight = np.zeros((fewer, size))
    weight[np.arange(fewer), left] = 1 - (place - left)
    weight[np.arange(fewer), left + 1] += place - left
    return weight


def _code_samples(view):
    """The samples to draw with the view: with a picture the same draw of `MOST_SAMPLES` for every
    setting.
    """
    if view.samples is None:
        return {}, []
    count = view.samples.shape[-2]
    most = MOST_SAMPLES if view.plane else count
    some = np.sort(np.random.default_rng(0).permutation(count)[:most])
    points = view.samples[..., some, :]
    said = {
        "columns": view.columns,
        "sample_axes": view.sample_axes,
        "samples": len(some),
        "recorded_samples": count,
    }
    head = {"name": "samples", "kind": "float32", "shape": list(points.shape)}
    return said, [(head, zlib.compress(coding.planes(points, "<f4"), EFFORT))]
