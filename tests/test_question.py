"""Questions to predict, in Python: what they are made of, and how the answers are counted."""

import json

import numpy as np
import pytest
import xarray as xr
from test_payload import record

import labs
from labs import Explorer, Predictions, Question

OPTIONS = {"up": "it moves up", "stays": "it stays", "down": "it moves down"}
TABLE = xr.Dataset({"limit": ("momentum", [0.1, 0.19])}, {"momentum": [0.0, 0.9]})


def of_the_record(runs):
    """Which way the limit moves in a table like TABLE."""
    before, after = runs.limit.values
    return "up" if after > before else "down"


def limit(answer="up", because="It is 0.19 instead of 0.1."):
    return Question("Does the limit move?", OPTIONS, answer, because)


@pytest.fixture
def explorer():
    return Explorer(TABLE, ask=[limit(), limit("stays")])


def test_a_question_reaches_the_page_with_its_options_in_the_authors_order():
    (shown,) = Explorer(TABLE, ask=limit()).questions
    assert shown == {
        "text": "Does the limit move?",
        "options": [["up", "it moves up"], ["stays", "it stays"], ["down", "it moves down"]],
        "answer": "up",
        "because": "It is 0.19 instead of 0.1.",
    }
    json.dumps(shown)


def test_an_answer_may_be_the_records_own_and_brings_its_reason():
    why = {"up": "It rose.", "down": "It fell."}
    for values, answer in (([0.1, 0.19], "up"), ([0.1, 0.05], "down")):
        runs = TABLE.assign(limit=("momentum", values))
        (shown,) = Explorer(runs, ask=limit(of_the_record, why)).questions
        assert (shown["answer"], shown["because"]) == (answer, why[answer])


def test_an_answer_out_of_numpy_is_plain_text_on_the_page():
    (shown,) = Explorer(TABLE, ask=limit(lambda runs: np.array(["down"])[0])).questions
    assert type(shown["answer"]) is str


def test_an_answer_that_the_author_did_not_foresee_stops_the_cell():
    runs = TABLE.assign(limit=("momentum", [0.1, 0.05]))
    message = r'the record answers "down", but `because` explains only \[\'up\'\]; read the record'
    with pytest.raises(AssertionError, match=message):
        Explorer(runs, ask=limit(of_the_record, {"up": "It rose."}))


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"text": " "}, "text: expected a text that is not empty, got ' '; write one"),
        ({"options": {"up": "up"}}, "options: expected a dict of at least two, .*got {'up': 'up'}"),
        ({"options": ["up", "down"]}, "options: expected a dict of at least two"),
        ({"options": {"up": "up", "": "shown"}}, "options: key: expected a text that is not empty"),
        ({"options": {"up": "up", "down": ""}}, r"options\['down'\]: expected a text"),
        ({"answer": "left"}, "answer: expected one of the options .*'down'.*, got 'left'; check"),
        ({"answer": None}, "answer: expected one of the options .*, got None"),
        ({"because": ""}, "because: expected a text"),
        ({"because": {"up": "", "down": "It fell."}}, r"because\['up'\]: expected a text"),
        ({"because": {"left": "It went."}}, "because: expected one of the options .*, got 'left'"),
        ({"because": {"down": "It fell."}}, "because: expected a reason for the answer 'up'"),
    ],
)
def test_what_makes_no_question_is_refused_in_words(change, expected):
    given = {"text": "Does it?", "options": OPTIONS, "answer": "up", "because": "It rose."}
    with pytest.raises(ValueError, match=expected):
        Question(**given | change)


def test_a_function_that_answers_with_no_option_is_refused_in_words():
    with pytest.raises(ValueError, match="function of the record.*expected one of the options"):
        Explorer(TABLE, ask=limit(lambda runs: "left"))


def test_an_explorer_asks_questions_only():
    with pytest.raises(ValueError, match="ask: expected a labs.Question or a list of them, got 'u"):
        Explorer(TABLE, ask="up?")


def test_without_questions_nothing_is_asked():
    explorer = Explorer(TABLE)
    assert explorer.questions == [] and explorer.answers == {}


@pytest.mark.parametrize(
    "answers, expected",
    [
        ({"2": "up"}, r"expected positions of questions, \['0', '1'\], got '2'; count from 0"),
        ({"0": "left"}, r"answers\['0'\]: expected one of \['up', 'stays', 'down'\], or ''"),
    ],
)
def test_an_answer_to_what_was_not_asked_is_refused_and_the_old_ones_stay(
    explorer, answers, expected
):
    explorer.answers = {0: "up"}
    with pytest.raises(ValueError, match=expected):
        explorer.answers = answers
    assert explorer.answers == {"0": "up"}


def test_the_text_fallback_asks_and_does_not_tell(explorer):
    text = explorer._repr_mimebundle_()[0]["text/plain"]
    assert text.count("Predict first: Does the limit move?\n") == 2
    assert OPTIONS["up"] not in text and "instead of" not in text


def test_predictions_count_the_right_ones_of_those_predicted(explorer):
    other = Explorer(TABLE, name="other", ask=[limit(), limit(), limit()])
    counted = Predictions(explorer, other)
    text = lambda: counted._repr_mimebundle_()[0]["text/plain"]
    assert (counted.asked, counted.still_open, counted.predicted, counted.right) == (5, 5, 0, 0)
    assert text() == "You have not predicted anything yet. Questions still open: 5."
    explorer.answers = {"0": "up", "1": "up"}
    other.answers = {"0": "", "1": "up"}
    assert (counted.asked, counted.still_open, counted.shown) == (5, 1, 1)
    assert (counted.predicted, counted.right) == (3, 2)
    assert text() == " ".join(
        [
            "You predicted 2 of 3 right.",
            "Questions still open: 1.",
            "Answers shown without a prediction: 1.",
        ]
    )


def test_predictions_travel_as_references_to_their_explorers(explorer):
    counted = Predictions(explorer)
    assert counted.get_state()["explorers"] == [f"IPY_MODEL_{explorer.model_id}"]
    data, metadata = counted._repr_mimebundle_()
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == counted.model_id and isinstance(metadata, dict)


def test_predictions_over_what_asks_nothing_are_refused_in_words():
    with pytest.raises(ValueError, match="expected at least one labs.Explorer with questions"):
        Predictions()
    with pytest.raises(ValueError, match="explorers: .*got 'silent' without any; give it some"):
        Predictions(Explorer(TABLE, name="silent"))
    with pytest.raises(ValueError, match="explorers: .*got 'valley'"):
        Predictions("valley")


def test_questions_are_asked_of_runs_as_well():
    runs = record(rates=2, decays=(0.0,), seeds=1, view=False)
    best = lambda runs: runs.val_loss.isel(step=-1).min(["learning_rate", "batch_size"])
    answer = lambda runs: best(runs).squeeze().idxmin().item()
    question = labs.Question("Which?", {"sgd": "sgd", "adam": "adam"}, answer, "It is lower.")
    assert Explorer(runs, ask=question).questions[0]["answer"] in ("sgd", "adam")
