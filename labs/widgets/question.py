"""Predict first: questions that an Explorer asks before it shows its map and says why."""

import dataclasses
from collections.abc import Callable

import traitlets
import xarray as xr

SHOWN = ""  # what `answers` hold where the reader asked to be shown the answer


@dataclasses.dataclass(frozen=True)
class Question:
    """A question to predict the answer of before looking.

    `text`: the question. `options`: {key: label}, at least two, in the order shown. `answer`: the
    right option's key, or a function of the record that the Explorer shows, which returns it: the
    answer is then the record's own. `because`: why it is so, or {key: why} for each answer that the
    author foresaw. `show`: {axis: value}, where the record shows the answer, or a list of two, one
    to compare with and then the answer; the explorer moves there when the reader has answered.

    Raises ValueError for fewer than two options, for a key that is no option, and for empty texts.

    >>> labs.Question("Does the limit move?", {"up": "it moves up", "stays": "it stays"},
    ...               answer="up", because="It ends at 0.188 instead of 0.099.")
    """

    text: str
    options: dict[str, str]
    answer: str | Callable[[xr.Dataset], str]
    because: str | dict[str, str]
    show: dict | list[dict] = ()

    def __post_init__(self):
        _check_text(self.text, "text")
        if not isinstance(self.options, dict) or len(self.options) < 2:
            raise ValueError(
                "options: expected a dict of at least two, {key: label}, got "
                f"{self.options!r}; a prediction needs something to choose from"
            )
        for key, label in self.options.items():
            _check_text(key, "options: key")
            _check_text(label, f"options[{key!r}]")
        if not callable(self.answer):
            self._check_option(self.answer, "answer")
        self._check_because()

    def on(self, runs):
        """The question as the page gets it, answered by the record `runs`: {text, options as [key,
        label] pairs, answer, because, and `show` where there is any}. Raises ValueError where the
        answer is no option, and AssertionError where `because` does not explain it.
        """
        answer = self.answer
        if callable(answer):
            answer = answer(runs)
            self._check_option(answer, "answer (a function of the record)")
        answer, because = str(answer), self.because
        if isinstance(because, dict):
            if answer not in because:
                raise AssertionError(
                    f'{self.text!r}: the record answers "{answer}", but `because` explains only '
                    f"{list(because)}; read the record again"
                )
            because = because[answer]
        pairs = [[key, label] for key, label in self.options.items()]
        said = {"text": self.text, "options": pairs, "answer": answer, "because": because}
        places = [self.show] if isinstance(self.show, dict) else list(self.show)
        return said | ({"show": places} if places else {})

    def _check_because(self):
        if not isinstance(self.because, dict):
            return _check_text(self.because, "because")
        for key, why in self.because.items():
            self._check_option(key, "because")
            _check_text(why, f"because[{key!r}]")
        if not callable(self.answer) and self.answer not in self.because:
            raise ValueError(
                f"because: expected a reason for the answer {self.answer!r}, got reasons for "
                f"{list(self.because)} only; add it"
            )

    def _check_option(self, key, where):
        if not isinstance(key, str) or key not in self.options:
            raise ValueError(
                f"{where}: expected one of the options {list(self.options)}, got {key!r}; "
                "check the spelling"
            )


class Asking(traitlets.HasTraits):
    """What a widget that asks questions has: `questions`, as `asked` gives them, and the reader's
    `answers` {str(position): key of the option committed, or "" where the answer was shown}.
    """

    questions = traitlets.List(read_only=True).tag(sync=True)
    answers = traitlets.Dict().tag(sync=True)

    @traitlets.validate("answers")
    def _validate_answers(self, proposal):
        answers = {str(position): option for position, option in proposal["value"].items()}
        keys = {str(i): [key for key, _ in q["options"]] for i, q in enumerate(self.questions)}
        for position, option in answers.items():
            if position not in keys:
                raise ValueError(
                    f"answers: expected positions of questions, {list(keys)}, got {position!r}; "
                    "count from 0"
                )
            if option not in [*keys[position], SHOWN]:
                raise ValueError(
                    f"answers[{position!r}]: expected one of {keys[position]}, or {SHOWN!r} for "
                    f"shown without a prediction, got {option!r}; check the spelling"
                )
        return answers


def asked(ask, runs):
    """The questions of `ask`, a `Question`, a list of them, or None, answered by the record `runs`.
    Raises ValueError for anything else, and what `Question.on` raises.
    """
    listed = [] if ask is None else list(ask) if isinstance(ask, list | tuple) else [ask]
    for question in listed:
        if not isinstance(question, Question):
            raise ValueError(
                f"ask: expected a labs.Question or a list of them, got {question!r}; write "
                "labs.Question(text, options, answer, because)"
            )
    return [question.on(runs) for question in listed]


def _check_text(text, where):
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: expected a text that is not empty, got {text!r}; write one")
