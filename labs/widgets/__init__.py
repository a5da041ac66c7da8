"""Widgets that show a record of runs."""
from labs.widgets.explorer import Explorer

__all__ = ["Explorer"]
