"""How many answers the reader predicted, over the explorers of a chapter."""

import reprlib

import traitlets
from ipywidgets import widget_serialization

from labs import words
from labs.widgets.explorer import Explorer
from labs.widgets.part import Part
from labs.widgets.question import SHOWN


class Predictions(Part):
    """Count the reader's predictions over the explorers given, for the end of a chapter.

    With a kernel, `asked`, `still_open`, `shown`, `predicted` and `right` are the counts. Raises
    ValueError for what is no Explorer, or one that asks nothing.

    >>> labs.Predictions(valley, spirals)
    """

    part = traitlets.Unicode("predictions", read_only=True).tag(sync=True)
    explorers = traitlets.List(traitlets.Instance(Explorer), read_only=True).tag(
        sync=True, **widget_serialization
    )

    def __init__(self, *explorers):
        if not explorers:
            raise ValueError(
                "explorers: expected at least one labs.Explorer with questions, got none; "
                "write labs.Predictions(explorer)"
            )
        for explorer in explorers:
            if not isinstance(explorer, Explorer) or not explorer.questions:
                got = reprlib.repr(getattr(explorer, "meta", {}).get("name", explorer))
                raise ValueError(
                    f"explorers: expected labs.Explorers that ask questions, got {got} without "
                    "any; give it some with ask=labs.Question(…)"
                )
        # Before the comm opens: it then opens with all of it.
        self.set_trait("explorers", list(explorers))
        super().__init__()

    @property
    def asked(self):
        """How many questions there are."""
        return len(self._answers())

    @property
    def still_open(self):
        """How many were neither predicted nor shown."""
        return sum(given is None for given, _ in self._answers())

    @property
    def shown(self):
        """How many were shown without a prediction."""
        return sum(given == SHOWN for given, _ in self._answers())

    @property
    def predicted(self):
        """How many were predicted, rightly or not."""
        return self.asked - self.still_open - self.shown

    @property
    def right(self):
        """How many were predicted rightly."""
        return sum(given == answer for given, answer in self._answers())

    def _answers(self):
        return [
            (explorer.answers.get(str(position)), question["answer"])
            for explorer in self.explorers
            for position, question in enumerate(explorer.questions)
        ]

    def _summary(self):
        said = [words.text("predictions.none")]
        if self.predicted:
            said = [words.text("predictions.score", right=self.right, predicted=self.predicted)]
        for key, count in (("open", self.still_open), ("shown", self.shown)):
            if count:
                said.append(words.text(f"predictions.{key}", count=count))
        return " ".join(said)

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**(data or {}), "text/plain": self._summary()}, metadata
