"""The text of an answer while it grows: whole characters, up to a stop string, and no further."""

BROKEN = "\N{REPLACEMENT CHARACTER}"  # stands for bytes that are no character, or not yet


class Text:
    """What the tokens of one answer say.

    A character of several bytes may take several tokens: it is held back until it is whole. What
    may be the beginning of one of `stop`, a list of strings, is held back until it is clear. The
    token `end`, an id, ends the text and is not part of it; with None, nothing does.
    """

    def __init__(self, tokenizer, stop=(), end=None):
        self.tokenizer, self.stop, self.end = tokenizer, list(stop), end
        self.text = ""  # of whole characters
        self.given = 0  # how many characters `new` has returned
        self.pending = []  # tokens since the last whole character

    def take(self, token):
        """Read one more token. Returns why the text ends with it, "end" or "stop", or None."""
        if token == self.end:
            self.close()
            return "end"
        self.pending.append(token)
        more = self._decode()
        if more.endswith(BROKEN):
            return None
        return self._grow(more)

    def _decode(self):
        return self.tokenizer.decode(self.pending, skip_special_tokens=False)

    def _grow(self, more):
        """Append text; cut it before the first stop string that stands there now."""
        before = len(self.text)
        self.text, self.pending = self.text + more, []
        starts = [self.text.find(stop, max(0, before - len(stop) + 1)) for stop in self.stop]
        found = [start for start in starts if start >= 0]
        if found:
            self.text = self.text[: min(found)]
            return "stop"
        return None

    def close(self):
        """No token follows: what was held back is text after all."""
        if self.pending:
            self._grow(self._decode())
        self.stop = []

    def new(self):
        """The text that came since the last call, as far as nothing to come can change it."""
        held = max((self._begun(stop) for stop in self.stop), default=0)
        start, self.given = self.given, max(self.given, len(self.text) - held)
        return self.text[start : self.given]

    def _begun(self, stop):
        """How many characters at the end of the text may be the beginning of `stop`."""
        sizes = range(min(len(stop) - 1, len(self.text)), 0, -1)
        return next((size for size in sizes if self.text.endswith(stop[:size])), 0)
