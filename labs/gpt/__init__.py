"""A GPT in the open: its model, its text, the loop that trains it, and how it writes.

Read `model`, then `pretrain`; the chapter on language models builds both up piece by piece.
"""
