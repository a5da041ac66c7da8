"""Widgets that show a record of runs, and a panel that trains one."""
from labs.widgets.explorer import Explorer
from labs.widgets.live import Live, live

__all__ = ["Explorer", "Live", "live"]
