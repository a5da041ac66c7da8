"""What the book's own widgets have in common: one front end, which a page carries once."""

import math

import anywidget
import numpy as np
import traitlets

from labs.widgets import frontend


class Part(anywidget.AnyWidget):
    """A widget that `static/main.js` draws; `part` says how, a name in its table; `needs_kernel`
    whether a page without a kernel has nothing to show in its place.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    part = traitlets.Unicode(read_only=True).tag(sync=True)
    needs_kernel = traitlets.Bool(False, read_only=True).tag(sync=True)

    # ipywidgets 7 would show through this and lose the fallbacks of _repr_mimebundle_
    _ipython_display_ = None

    @traitlets.default("_esm")
    def _default_esm(self):
        return frontend.module()

    @traitlets.default("_css")
    def _default_css(self):
        return frontend.style()


def number_or_none(value):
    """A plain number; None where there is none, because JSON has neither NaN nor infinity."""
    if value is None or not math.isfinite(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
