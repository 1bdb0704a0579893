"""The compiled fits solve the problem that scikit-learn's LinearSVC solves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_class_weight

from dateline.labels import Lexicon, Sample, Taxonomy
from dateline.predict import Predictor
from dateline.predict.terms import TermSettings, weigh
from dateline.train import crossval, tasks
from dateline.train.features import TermVectorizer
from dateline.train.fit import check_trainable, prepare, train
from dateline.train.settings import TrainingSettings
from dateline.train.tasks import COMPILED

_svm: Any = pytest.importorskip(
    "dateline.train._svm", reason="installed without a compiler"
)


def problem(
    n_labels: int, *, n_rows: int = 300, n_terms: int = 400, seed: int = 0
) -> tuple[sp.csr_matrix, NDArray[np.bool_], NDArray[np.float64]]:
    """Rows of length one, labels that some terms tell, and what each row costs."""
    rng = np.random.default_rng(seed)
    X = sp.random(n_rows, n_terms, 0.05, "csr", rng=rng)
    X = X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1) + 1e-9)).tocsr()
    told = X @ rng.normal(size=(n_terms, n_labels)) + rng.normal(
        scale=0.3, size=(n_rows, n_labels)
    )
    truth = told > [
        np.quantile(scores, share)
        for scores, share in zip(told.T, rng.uniform(0.5, 0.9, n_labels), strict=True)
    ]
    return X.astype(np.float32), truth, rng.uniform(0.1, 3.0, (n_rows, n_labels))


def rows_of(X: sp.csr_matrix) -> Any:
    return _svm.Rows(X.data, X.indices, X.indptr, X.shape[1])


def objective(
    X: sp.csr_matrix,
    truth: NDArray[np.bool_],
    costs: NDArray[np.float64],
    weights: NDArray[np.floating],
    bias: float,
) -> float:
    loss = np.maximum(0, 1 - np.where(truth, 1, -1) * (X @ weights + bias)) ** 2
    w = weights.astype(np.float64)
    return float((w @ w + bias**2) / 2 + (costs * loss).sum())


@pytest.mark.parametrize("n_labels", [1, 3, 4, 5, 9, 13, 20, 21, 26, 32])
def test_objective_is_that_of_linear_svc(n_labels: int) -> None:
    X, truth, costs = problem(n_labels)
    everything = np.arange(X.shape[0])
    weights, bias = rows_of(X).fit(everything, truth, costs, 1e-4, 0)
    assert weights.shape == (X.shape[1], n_labels)
    for i in range(n_labels):
        model = LinearSVC(dual=True, tol=1e-6, max_iter=100_000, random_state=0)
        model.fit(X.astype(np.float64), truth[:, i], sample_weight=costs[:, i])
        best = objective(
            X, truth[:, i], costs[:, i], model.coef_[0], model.intercept_[0]
        )
        found = objective(X, truth[:, i], costs[:, i], weights[:, i], bias[i])
        assert found == pytest.approx(best, rel=1e-5)
        assert weights[:, i] == pytest.approx(model.coef_[0], abs=1e-3)
        assert bias[i] == pytest.approx(model.intercept_[0], abs=1e-3)


@pytest.mark.parametrize("seed", [0, 2])
def test_rows_that_were_left_out_are_looked_at_again(seed: int) -> None:
    # High costs, with which many a row is left out too early.
    X, truth, costs = problem(8, seed=seed)
    costs *= 1000
    weights, bias = rows_of(X).fit(np.arange(X.shape[0]), truth, costs, 1e-4, 0)
    for i in range(8):
        sides = np.where(truth[:, i], 1, -1)
        short = np.maximum(0, 1 - sides * (X @ weights[:, i] + bias[i]))
        # At the optimum the weights are this sum, and 25 times off with a row missed.
        best = X.T @ (2 * costs[:, i] * short * sides)
        assert np.abs(best - weights[:, i]).max() < np.abs(weights[:, i]).max()


def test_rows_that_cost_nothing_are_as_if_they_were_not_there() -> None:
    X, truth, costs = problem(3)
    kept = np.arange(0, X.shape[0], 2)
    costs[1::2] = 0.0
    whole, bias = rows_of(X).fit(np.arange(X.shape[0]), truth, costs, 1e-5, 0)
    part, part_bias = rows_of(X).fit(kept, truth[kept], costs[kept], 1e-5, 0)
    assert whole == pytest.approx(part, abs=1e-3)
    assert bias == pytest.approx(part_bias, abs=1e-3)


def test_label_without_costs_has_no_weights() -> None:
    X, truth, costs = problem(2)
    costs[:, 1] = 0.0
    weights, bias = rows_of(X).fit(np.arange(X.shape[0]), truth, costs, 1e-3, 0)
    assert weights[:, 0].any()
    assert not weights[:, 1].any()
    assert bias[1] == 0.0


def test_labels_do_not_depend_on_those_beside_them() -> None:
    X, truth, costs = problem(6)
    everything = np.arange(X.shape[0])
    together, _ = rows_of(X).fit(everything, truth, costs, 1e-5, 0)
    for i in range(6):
        alone, _ = rows_of(X).fit(everything, truth[:, [i]], costs[:, [i]], 1e-5, 0)
        assert together[:, i] == pytest.approx(alone[:, 0], abs=1e-3)


def test_fits_in_threads_are_the_same_to_the_bit() -> None:
    X, truth, costs = problem(7, n_rows=2000)
    rows, everything = rows_of(X), np.arange(X.shape[0])

    def fit(seed: int) -> bytes:
        weights, bias = rows.fit(everything, truth, costs, 0.01, seed)
        return bytes(np.ascontiguousarray(weights)) + bytes(bias)

    alone = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, range(4))) == alone
    assert len(set(alone)) == 4


def test_weights_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    X = sp.random(60, 50, 0.2, "csr", rng=rng)
    X.sort_indices()
    X.data = np.round(1 + 4 * rng.random(X.nnz), 1).astype(np.float32)
    X.data[X.indices < 30] = np.ceil(X.data[X.indices < 30])
    bounds = np.array([0, 30, 30, 41, 50])
    idf, scale = rng.uniform(1, 9, 50), rng.uniform(0, 2, 50)
    for settings in (TermSettings(), TermSettings(half_density=0, concept_power=0.5)):
        expected = weigh(
            X.indices, X.data.astype(float), X.indptr, idf, bounds, settings
        )
        weighed = rows_of(X).weigh(
            np.arange(60),
            idf,
            scale,
            bounds,
            settings.concept_power,
            settings.half_density,
        )
        matrix = sp.csr_matrix((expected * scale[X.indices], X.indices, X.indptr))
        of_terms = rng.normal(size=(50, 3)).astype(np.float32)
        found = weighed.scores(np.arange(60), of_terms, np.array([1.0, 2.0, 3.0]))
        assert found == pytest.approx(matrix @ of_terms + [1, 2, 3], abs=1e-5)


def test_balanced_costs_are_those_of_scikit_learn(
    taxonomy: Taxonomy, lexicon: Lexicon, samples: list[Sample]
) -> None:
    settings = TrainingSettings(concept_weight=0.5, own_weight=3.0, C=0.7)
    known = check_trainable(samples, [], taxonomy, settings)
    _, (task, *_) = prepare(
        samples[:-9],
        samples[-9:],
        np.arange(len(samples)),
        known,
        taxonomy,
        TermVectorizer(lexicon),
        settings,
    )
    kept = task.folds != 0
    truth, costs = crossval._targets(task, kept, settings)
    plain = crossval._targets(task, kept, replace(settings, balanced=False))[1]
    assert len(truth) == kept.sum() + len(task.documents)
    assert len(np.unique(plain)) == 2
    for i in range(truth.shape[1]):
        sides = compute_class_weight(
            "balanced",
            classes=np.array([False, True]),
            y=truth[:, i],
            sample_weight=plain[:, i],
        )
        assert costs[:, i] == pytest.approx(
            plain[:, i] * sides[truth[:, i].astype(int)]
        )


def test_document_frequencies_of_rows_do_not_depend_on_how_they_are_read(
    lexicon: Lexicon, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectorizer = TermVectorizer(lexicon)
    matrix = tasks.Matrix(vectorizer, vectorizer.fit_counts(s.text for s in samples))
    every = np.arange(len(samples))
    assert (matrix.idf(every) == vectorizer.idf_).all()
    part = matrix.idf(every[::2])
    monkeypatch.setattr(tasks, "ROWS_AT_ONCE", 7)
    assert (matrix.idf(every[::2]) == part).all()
    assert (part != vectorizer.idf_).any()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"indices": [0, 9]}, ValueError, "none of 3 terms"),
        ({"indices": [0, -1]}, ValueError, "none of 3 terms"),
        ({"indptr": [0, 2, 1]}, ValueError, "not in order"),
        ({"indptr": [0, 1, 3]}, ValueError, "do not add up"),
        ({"rows": [0, 2]}, IndexError, "none of 2"),
        ({"truth": np.ones((2, 33), bool)}, ValueError, "up to 32 labels"),
        ({"costs": np.ones((1, 1))}, ValueError, "not of 2 rows"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    change: dict[str, Any], error: type[Exception], match: str
) -> None:
    given: dict[str, Any] = {
        "data": np.ones(2, np.float32),
        "indices": [0, 1],
        "indptr": [0, 1, 2],
        "rows": [0, 1],
        "truth": np.ones((2, 1), bool),
        "costs": np.ones((2, 1)),
    } | change
    with pytest.raises(error, match=match):
        _svm.Rows(
            given["data"], np.array(given["indices"]), np.array(given["indptr"]), 3
        ).fit(given["rows"], given["truth"], given["costs"], 0.1, 0)


def test_model_without_a_compiler_is_the_same_within_the_tolerance(
    taxonomy: Taxonomy,
    lexicon: Lexicon,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert COMPILED
    ours = train(samples, taxonomy=taxonomy, lexicon=lexicon)
    for module in (crossval, tasks):
        monkeypatch.setattr(module, "COMPILED", False)
    theirs = train(samples, taxonomy=taxonomy, lexicon=lexicon)
    assert ours.terms == theirs.terms
    assert np.asarray(ours.weights) != pytest.approx(
        np.asarray(theirs.weights), abs=1e-7
    )
    assert np.asarray(ours.weights) == pytest.approx(
        np.asarray(theirs.weights), abs=0.02
    )
    for text in ("A striker in Kyoto", "Lenders in Seville"):
        one, other = (Predictor(m).predict(text).scores for m in (ours, theirs))
        for axis, scores in one.items():
            assert scores == pytest.approx(other[axis], abs=0.02)
