"""Widgets: an Explorer of recorded runs, and a panel that trains one now."""
from labs.widgets.explorer import Explorer
from labs.widgets.live import live

__all__ = ["Explorer", "live"]
