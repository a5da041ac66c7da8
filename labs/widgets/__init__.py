"""Widgets: an Explorer of what was recorded, and a panel that trains one run now.

Nothing is imported here: reading a record needs no torch.
"""
