"""Scores equal scikit-learn's, intervals cover, and what cannot be measured is refused."""

import sys

import numpy as np
import pytest
import torch
from sklearn import metrics

import labs
from labs import evaluate
from labs.evaluate import scores


def drawn(count=300, classes=2, seed=0, share=0.3):
    """Labels and probabilities of a classifier that knows something, with ties."""
    generator = np.random.default_rng(seed)
    odds = np.full(classes, (1 - share) / (classes - 1)) if classes > 2 else [1 - share, share]
    odds = np.array(odds) / np.sum(odds)
    labels = generator.choice(classes, count, p=odds)
    logits = generator.normal(size=(count, classes)).round(1) + 1.2 * np.eye(classes)[labels]
    shares = np.exp(logits)
    return labels, shares / shares.sum(1, keepdims=True)


# ---- Scores ----


@pytest.mark.parametrize("classes", [2, 4])
def test_what_is_resampled_is_what_scikit_learn_measures(classes):
    labels, shares = drawn(classes=classes)
    answers = shares.argmax(1)
    once = scores._weighted(labels, shares, answers, np.ones((1, len(labels))))
    theirs = scores._values(labels, shares, answers)
    assert once.keys() == theirs.keys()
    for name, value in theirs.items():
        assert once[name][0] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("classes", [2, 3])
def test_a_weight_of_two_is_a_row_that_stands_there_twice(classes):
    labels, shares = drawn(60, classes)
    weights = np.random.default_rng(1).integers(0, 3, 60).astype(float)
    rows = np.repeat(np.arange(60), weights.astype(int))
    answers = shares.argmax(1)
    found = scores._weighted(labels, shares, answers, weights[None])
    theirs = scores._values(labels[rows], shares[rows], answers[rows])
    for name in theirs:
        scale = len(rows) / 60 if name in ("log_loss", "brier") else 1  # as many rows in a draw
        assert found[name][0] == pytest.approx(theirs[name] * scale, abs=1e-12), name


def test_an_interval_of_the_accuracy_holds_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(400) < 0.8
        labels = np.arange(400) % 2
        probability = np.where(right, labels, 1 - labels).astype(float)
        found = evaluate.report(labels, probability, repeats=300, seed=seed).scores["accuracy"]
        hits += found.low <= 0.8 <= found.high
    assert 180 <= hits <= 199  # 190 expected


def test_the_same_seed_gives_the_same_intervals_and_another_gives_others():
    given = drawn()
    assert evaluate.report(*given).scores == evaluate.report(*given).scores
    assert evaluate.report(*given).scores != evaluate.report(*given, seed=1).scores


def test_many_samples_are_resampled_a_few_draws_at_a_time(monkeypatch):
    given = drawn(100)
    whole = evaluate.report(*given, repeats=100)
    monkeypatch.setattr(scores, "AT_ONCE", 700)
    assert evaluate.report(*given, repeats=100).scores == whole.scores


def test_always_no_is_accurate_where_positives_are_rare_and_finds_none():
    labels = np.arange(1000) % 100 == 0
    found = evaluate.report(labels, np.full(1000, 0.2))
    assert found.scores["accuracy"].value == found.constant == 0.99
    assert found.scores["recall"] == (0, 0, 0)
    assert np.isnan(found.scores["precision"].value)
    assert found.scores["roc_auc"].value == 0.5
    assert "precision         no value" in str(found)
    assert "1,000 samples, 10 of them positive" in str(found)
    assert found.confusion.tolist() == [[990, 0], [10, 0]]


def test_a_threshold_is_where_yes_begins():
    labels, probability = np.array([0, 1, 1]), np.array([0.2, 0.3, 0.9])
    at = lambda threshold: evaluate.report(labels, probability, threshold, 100).scores["recall"]
    assert (at(0.3).value, at(0.31).value) == (1.0, 0.5)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_brier_score_is_that_of_its_definition(classes):
    labels, shares = drawn(50, classes)
    expected = ((shares - np.eye(classes)[labels]) ** 2).sum(1).mean() / (2 if classes == 2 else 1)
    found = evaluate.report(labels, shares, repeats=100).scores["brier"].value
    assert found == pytest.approx(expected)


def test_many_classes_are_scored_though_each_draw_lacks_some():
    labels = np.arange(3000) % 1000
    shares = np.random.default_rng(0).dirichlet(np.ones(1000), 3000)
    found = evaluate.report(labels, shares, repeats=100).scores
    assert all(np.isfinite(score).all() for score in found.values())
    assert found["balanced_accuracy"] == found["recall"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_of_fewer_bits_are_probabilities(dtype):
    labels, shares = drawn(100, 4)
    exact = evaluate.report(labels, shares, repeats=100).scores
    found = evaluate.report(labels, torch.tensor(shares).log().to(dtype).softmax(1), repeats=100)
    assert found.scores["log_loss"].value == pytest.approx(exact["log_loss"].value, rel=0.02)


def test_lists_of_tensors_are_taken_as_well():
    labels, probability = [torch.tensor(k) for k in (0, 1, 1)], torch.tensor([0.2, 0.6, 0.3])
    listed = list(probability.requires_grad_())
    assert (
        evaluate.report(labels, listed).scores
        == evaluate.report([0, 1, 1], probability.tolist()).scores
    )


def test_tensors_columns_and_truth_values_are_taken_as_well():
    labels, shares = drawn(50)
    expected = evaluate.report(labels, shares[:, 1]).scores
    tensor = torch.tensor(shares[:, 1:], requires_grad=True)
    assert evaluate.report(torch.tensor(labels), tensor).scores == expected
    assert evaluate.report(labels == 1, shares[:, 1].tolist()).scores == expected
    assert evaluate.report(labels, shares).scores["brier"] == pytest.approx(expected["brier"])


# ---- Thresholds and shares ----


def test_at_its_own_share_a_record_holds_the_scores_of_the_samples():
    labels, shares = drawn()
    own = labels.mean()
    record = evaluate.at_thresholds(labels, shares, thresholds=[0.25, 0.5], shares=[own, 0.9])
    for threshold in (0.25, 0.5):
        expected = scores._values(labels, shares, (shares[:, 1] >= threshold).astype(int))
        here = record.sel(share=own, threshold=threshold)
        for name in here.data_vars:
            assert here[name].item() == pytest.approx(expected[name], abs=1e-6), name


def test_at_another_share_it_holds_those_of_samples_with_that_share():
    labels, shares = drawn()
    rows = np.concatenate([np.flatnonzero(labels == 0), np.repeat(np.flatnonzero(labels == 1), 5)])
    record = evaluate.at_thresholds(
        labels, shares, thresholds=[0.4], shares=[labels[rows].mean()]
    ).squeeze()
    expected = scores._values(labels[rows], shares[rows], (shares[rows, 1] >= 0.4).astype(int))
    for name in record.data_vars:
        assert record[name].item() == pytest.approx(expected[name], abs=1e-6), name


def test_an_explorer_shows_it():
    explorer = labs.Explorer(evaluate.at_thresholds(*drawn()), map_value="f1")
    assert explorer.values == {"share": 0.05, "threshold": 0.5}


def test_the_curves_have_the_areas_of_the_report():
    given = drawn()
    curves, report = evaluate.curves(*given), evaluate.report(*given)
    area = metrics.auc(curves.false_positives, curves.true_positives)
    assert area == pytest.approx(report.scores["roc_auc"].value)
    assert curves.precision[-1] == 1 and curves.recall[-1] == 0


# ---- Calibration and exact match ----


def test_a_model_that_tells_the_truth_is_calibrated_up_to_chance():
    generator = np.random.default_rng(0)
    above = 0
    for _ in range(100):
        probability = generator.random(500)
        labels = generator.random(500) < probability
        found = evaluate.calibration(labels, probability, repeats=200)
        above += found.error > found.by_chance
    assert above <= 14  # 5 expected


def test_many_samples_are_drawn_a_few_times_at_once(monkeypatch):
    given = drawn(100)
    whole = evaluate.calibration(*given)
    monkeypatch.setattr(sys.modules["labs.evaluate.calibration"], "AT_ONCE", 700)
    assert evaluate.calibration(*given).by_chance == whole.by_chance


def test_a_model_that_is_too_sure_is_told_by_how_much():
    labels = np.arange(100) % 4 > 0
    found = evaluate.calibration(labels, np.full(100, 0.95))
    assert found.error == pytest.approx(0.2)
    assert found.by_chance < 0.1
    assert found.count.tolist() == [100] and found.accuracy[0] == 0.75


def test_with_more_classes_it_is_about_the_answer():
    shares = np.array([[0.7, 0.2, 0.1]] * 10)
    found = evaluate.calibration(np.array([0] * 7 + [1, 2, 2]), shares)
    assert found.error == pytest.approx(0, abs=1e-12)


def test_an_exact_match_asks_for_all_answers_of_a_window():
    right = np.array([[1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    assert evaluate.exact_match(right, 1).tolist() == pytest.approx([5 / 6, 0])
    assert evaluate.exact_match(right, 2).tolist() == pytest.approx([3 / 5, 0])
    assert evaluate.exact_match(right[0], 6) == 0


# ---- Networks ----


def test_a_network_is_asked_in_eval_mode_and_left_as_it_was():
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.9)).train()
    network[0].eval()
    x, y = torch.randn(10, 3), torch.arange(10) % 4
    labels, shares = evaluate.predict(network, [(x[:6], y[:6]), (x[6:], y[6:])])
    assert [part.training for part in (network, *network)] == [True, False, True]
    assert labels.tolist() == y.tolist()
    assert np.allclose(shares, network[0](x).softmax(1).detach().numpy(), atol=1e-6)


def test_one_output_is_the_logit_of_class_1():
    network = torch.nn.Linear(2, 1)
    x, y = torch.randn(5, 2), torch.tensor([0.0, 1, 1, 0, 1])
    labels, probability = evaluate.predict(network, [(x, y)])
    assert np.allclose(probability, network(x).sigmoid()[:, 0].detach().numpy(), atol=1e-6)
    assert evaluate.report(labels, probability, repeats=100).confusion.sum() == 5


# ---- Refusals ----


@pytest.mark.parametrize(
    "labels, probabilities, message",
    [
        ([], [], "labels: expected at least one sample, got none; the validation set is empty"),
        ([0, 0], [0.1, 0.2], "expected samples of all 2 classes, got 2 of class 0 and none of"),
        ([0, 1], [0.1, 1.2], r"expected numbers from 0 to 1, got 1.2 in row 1; turn logits into"),
        ([0, 1], [0.1, float("nan")], "expected numbers from 0 to 1, got nan in row 1"),
        ([0, 1], [[0.5, 0.5], [0.9, 0.3]], "expected rows that sum to 1, got 1.2 in row 1; take a"),
        ([0, 1, 1], [0.1, 0.2], r"got shapes \(3,\) and \(2,\); give a row of probabilities"),
        ([0, 2], [0.1, 0.2], r"whole numbers from 0 to 1, .* got \[0, 2\]"),
        ([0.5, 1], [0.1, 0.2], "expected whole numbers from 0 to 1"),
        (["a", "b"], [0.1, 0.2], "expected whole numbers from 0 to 1"),
        ([0, float("nan")], [0.1, 0.2], r"whole numbers from 0 to 1, .* got \[0.0, nan\]"),
        ([0, 1], ["a", "b"], "probabilities: expected numbers, got <U1; give those of class 1"),
        ([0, 1], [[0.1, 0.9], [0.5]], "probabilities: expected rows of one length, got rows of"),
        ([0, 1], [[[0.1]], [[0.2]]], r"got shapes \(2,\) and \(2, 1, 1\)"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(labels, probabilities, message):
    for ask in (evaluate.report, evaluate.curves, evaluate.at_thresholds):
        with pytest.raises(ValueError, match=message):
            ask(labels, probabilities)


def test_other_impossible_questions_are_refused():
    labels, shares = drawn(classes=3)
    with pytest.raises(ValueError, match="expected two classes, got 3; ask for one class against"):
        evaluate.curves(labels, shares)
    with pytest.raises(ValueError, match="expected a threshold from 0 to 1 and at least 100"):
        evaluate.report(*drawn(), threshold=1.5)
    with pytest.raises(ValueError, match=r"thresholds: expected numbers between 0 and 1, got \[0"):
        evaluate.at_thresholds(*drawn(), thresholds=[0, 0.5])
    for values in (0.5, [], [0.5, 0.5]):
        with pytest.raises(
            ValueError, match="shares: expected numbers between 0 and 1, got .* once"
        ):
            evaluate.at_thresholds(*drawn(), shares=values)
    for bins in (1, 2.5):
        with pytest.raises(ValueError, match=f"bins: expected at least 2, .* got {bins}"):
            evaluate.calibration(*drawn(), bins=bins)
    with pytest.raises(ValueError, match="repeats: expected at least 100, got 0"):
        evaluate.calibration(*drawn(), repeats=0)
    with pytest.raises(ValueError, match="a length from 1 to N, got shape .* and length 4"):
        evaluate.exact_match([True, False, True], 4)


@pytest.mark.parametrize(
    "batches, message",
    [
        ([], "batches: expected at least one sample, got none"),
        ([(torch.zeros(0, 2), torch.zeros(0))], "batches: expected at least one sample, got none"),
        ([{"x": torch.zeros(3, 2), "y": torch.zeros(3)}], r"pairs of two tensors, .* got dict"),
        ((torch.zeros(3, 2), torch.zeros(3)), r"pairs of two tensors, .* got Tensor"),
        ([(torch.zeros(2), torch.tensor(0))], r"pairs of two tensors, .* got tuple \(Tensor, Ten"),
        ([(torch.full((3, 2), torch.nan), torch.zeros(3))], "network: expected finite logits, got"),
        ([(torch.zeros(3, 2), torch.zeros(3, 2))], r"expected a row of logits for each label, got"),
    ],
)
def test_a_network_that_has_nothing_to_answer_is_refused(batches, message):
    with pytest.raises(ValueError, match=message):
        evaluate.predict(torch.nn.Linear(2, 4), batches)


def test_a_network_that_returns_more_than_logits_is_refused():
    class Two(torch.nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(ValueError, match="network: expected logits, a tensor, got tuple; give a"):
        evaluate.predict(Two(), [(torch.zeros(3, 2), torch.zeros(3))])
    with pytest.raises(TypeError, match="expected a torch.nn.Module, got <function"):
        evaluate.predict(lambda x: x, [(torch.zeros(3, 2), torch.zeros(3))])
