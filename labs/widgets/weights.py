"""A model's weights in the page, once for all widgets that show it."""

import hashlib
import weakref

import anywidget
import traitlets

from labs.widgets import saved

_KEPT = weakref.WeakValueDictionary()


class Weights(anywidget.AnyWidget):
    """The bytes of a model, as `labs.widgets.saved.pack` makes them. It shows nothing: a front end
    asks for it by its name when it needs it, and widgets of the same model name the same one.
    """

    _esm = traitlets.Unicode("export default {};").tag(sync=True)
    packed = traitlets.Bytes(read_only=True).tag(sync=True)

    def __init__(self, packed):
        self.set_trait("packed", packed)  # before the comm opens: it then opens with all of it
        super().__init__()


def of(model):
    """The `Weights` of a `saved.Saved`: those there are already, or new ones."""
    packed = saved.pack(model)
    name = hashlib.sha256(packed).hexdigest()
    kept = _KEPT.get(name)
    if kept is None or kept.comm is None:  # closed
        kept = _KEPT[name] = Weights(packed)
    return kept
