"""What stands in for a Talk where no script runs: its loss at each number of bits, as a picture."""

import io

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labs import words
from labs.widgets.glyphs import drawable, fonts
from labs.widgets.still import INK, LOOK, WIDTH

HEIGHT = 1.7  # inches
FILL = "#1f5fa8"  # the accent of static/explorer.css on a light page


def picture(losses):
    """A PNG of {bits: bits per byte}, a bar each, as bytes."""
    few_last = sorted(losses.items(), key=lambda pair: -int(pair[0]))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK | {"font.family": fonts()[0]})
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        names = [drawable(words.text("talk.bits_value", bits=bits)) for bits, _ in few_last]
        bars = axes.barh(names, [loss for _, loss in few_last], color=FILL)
        axes.bar_label(bars, fmt="%.2f", padding=3, color=INK)
        axes.invert_yaxis()
        axes.set_title(drawable(words.text("talk.losses")))
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
