"""A plotly figure that has words, and a picture where nothing draws it."""

import base64

import plotly.graph_objects as go

from labs import painter


class Figure(go.Figure):
    """A plotly figure with `says`, a sentence on what it shows.

    Wherever it is shown the sentence and a still picture ride along, for pages that run no script
    and readers who see no picture.
    """

    # plotly's would show the figure itself and lose the fallbacks of _repr_mimebundle_
    _ipython_display_ = None

    def __init__(self, *args, says="", **kwargs):
        super().__init__(*args, **kwargs)
        self._says = says

    @property
    def says(self):
        """What the figure shows, in words."""
        return self._says

    def _repr_mimebundle_(self, *args, **kwargs):
        data = super()._repr_mimebundle_(*args, **kwargs) or {}
        picture = base64.b64encode(painter.paint(self)).decode()
        return {**data, "text/plain": self._says, "image/png": picture}
