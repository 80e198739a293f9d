"""Ranking against a case worked out by hand and against references written without any of its tricks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reid_tools.datasets import DISTRACTOR
from reid_tools.evaluate import ranking
from reid_tools.evaluate.ranking import Figures, Float32, Labels, cosines, rank
from reid_tools.evaluate.rerank import Reranking, reranked

Vectors = tuple[Float32, Labels, Float32, Labels]


def labels(*pairs: tuple[int, int]) -> Labels:
    person, camera = np.array(pairs, np.int64).reshape(-1, 2).T
    return Labels(person, camera)


def scores(*rows: list[float]) -> ranking.Scores:
    table = np.array(rows, np.float32)
    return lambda block: table[block]


@pytest.fixture(params=range(4))
def made_up(request: pytest.FixtureRequest) -> Vectors:
    """40 queries and 150 gallery pictures of 12 people, 20 distractors and some exact copies, by 4 cameras."""
    random = np.random.default_rng(request.param)
    looks = random.normal(size=(13, 8))

    def vectors(people: NDArray[np.int64]) -> Float32:
        found = looks[people] + random.normal(size=(len(people), 8))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    query = Labels(random.integers(0, 13, 40), random.integers(0, 4, 40))
    gallery = Labels(random.integers(0, 12, 150), random.integers(0, 4, 150))
    gallery.person[random.permutation(150)[:20]] = DISTRACTOR
    vectors_of_gallery = vectors(np.maximum(gallery.person, 0))
    vectors_of_gallery[60:80] = vectors_of_gallery[:20]
    return vectors(query.person), query, vectors_of_gallery, gallery


def reference(
    score: Float32, query: Labels, gallery: Labels, *, other_cameras_only: bool
) -> tuple[Figures, int, list[int]]:
    """The figures, how many queries count, and who comes first, one query and one gallery picture at a time."""
    rows, tops = [], []
    for q in range(len(query)):
        kept = []
        for g in range(len(gallery)):
            own_camera = query.camera[q] == gallery.camera[g]
            own_person = query.person[q] == gallery.person[g]
            if not (own_camera and (own_person or other_cameras_only)):
                kept.append((-float(score[q, g]), g))
        found = [gallery.person[g] == query.person[q] for _, g in sorted(kept)]
        tops.append(min(kept)[1])
        places = [place for place, hit in enumerate(found, start=1) if hit]
        if places:
            precision = np.mean([(nth + 1) / place for nth, place in enumerate(places)])
            rows.append([*(places[0] <= k for k in (1, 5, 10)), precision, len(places) / places[-1]])
    return Figures(*np.array(rows, np.float64).mean(axis=0).tolist()), len(rows), tops


@pytest.mark.parametrize("other_cameras_only", [False, True])
@pytest.mark.parametrize("pairs_at_once", [1, 1000, 10**9])
def test_against_the_reference(
    made_up: Vectors, other_cameras_only: bool, pairs_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "_PAIRS_AT_ONCE", pairs_at_once)
    query_vectors, query, gallery_vectors, gallery = made_up
    # Copies in the gallery tie on this grid, and with float64 sums they do so everywhere.
    exact = np.rint(query_vectors.astype(np.float64) @ gallery_vectors.T.astype(np.float64) * 2**20)
    expected, counted, tops = reference(exact.astype(np.float32), query, gallery, other_cameras_only=other_cameras_only)
    found = rank(cosines(query_vectors, gallery_vectors), query, gallery, other_cameras_only=other_cameras_only)
    assert found.matched.sum() == counted < len(query)
    assert found.top.tolist() == tops
    assert found.figures().to_dict() == pytest.approx(expected.to_dict(), abs=1e-12)


def test_by_hand() -> None:
    """Person 1 in camera 1 asks. Ranked: junk, 2, 1 (match), distractor, 1 (match), 3."""
    gallery = labels((1, 1), (2, 1), (1, 2), (DISTRACTOR, 2), (1, 3), (3, 2))
    found = rank(scores([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labels((1, 1)), gallery)
    assert found.first.tolist() == [1]
    assert found.top.tolist() == [1]
    assert found.precision.tolist() == [(1 / 2 + 2 / 4) / 2]
    assert found.penalty.tolist() == [2 / 4]
    assert found.figures() == Figures(rank1=0.0, rank5=1.0, rank10=1.0, map=0.5, minp=0.5)


def test_other_cameras_only() -> None:
    """The same, when nobody in camera 1 is looked at: 1 (match), distractor, 1 (match), 3."""
    gallery = labels((1, 1), (2, 1), (1, 2), (DISTRACTOR, 2), (1, 3), (3, 2))
    found = rank(scores([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), labels((1, 1)), gallery, other_cameras_only=True)
    assert found.top.tolist() == [2]
    assert found.figures() == Figures(rank1=1.0, rank5=1.0, rank10=1.0, map=(1 + 2 / 3) / 2, minp=2 / 3)


def test_ties_go_by_place_in_the_gallery() -> None:
    query = labels((1, 1), (1, 1))
    assert rank(scores([0.5, 0.5], [0.5, 0.5]), query, labels((2, 2), (1, 2))).first.tolist() == [1, 1]
    assert rank(scores([0.5, 0.5], [-0.5, -0.5]), query, labels((1, 2), (2, 2))).first.tolist() == [0, 0]


def test_queries_without_a_match_do_not_count() -> None:
    query = labels((1, 1), (2, 1), (DISTRACTOR, 1))
    gallery = labels((1, 2), (2, 1), (DISTRACTOR, 2))
    found = rank(scores([0.9, 0, 0], [0, 0.9, 0.1], [0, 0, 0.9]), query, gallery)
    assert found.matched.tolist() == [True, False, False]
    assert found.top.tolist() == [0, 2, 2]
    assert found.figures().map == 1


def test_nothing_to_rank() -> None:
    found = rank(scores([0.9]), labels((1, 1)), labels((1, 1)))
    assert found.top.tolist() == [-1]
    with pytest.raises(ValueError, match="no query has a match"):
        found.figures()


def reranked_as_published(query: Float32, gallery: Float32, k1: int, k2: int, weight: float) -> NDArray[np.float64]:
    """The distances, over dense matrices and one step of the paper after the other."""
    everyone = np.concatenate([query, gallery]).astype(np.float64)
    squared = ((everyone[:, None] - everyone[None]) ** 2).sum(axis=2)
    relative = squared / squared.max(axis=1, keepdims=True)
    ranked = np.argsort(relative, axis=1, kind="stable")

    near = {k: [set(row[: k + 1].tolist()) for row in ranked] for k in (k1, round(k1 / 2))}

    def mutual(i: int, k: int) -> set[int]:
        return {j for j in near[k][i] if i in near[k][j]}

    encoded = np.zeros_like(squared)
    for i in range(len(everyone)):
        own = mutual(i, k1)
        members = set(own)
        for j in own:
            theirs = mutual(j, round(k1 / 2))
            if len(theirs & own) > 2 / 3 * len(theirs):
                members |= theirs
        at = sorted(members)
        encoded[i, at] = np.exp(-relative[i, at])
        encoded[i] /= encoded[i].sum()
    encoded = np.array([encoded[ranked[i, :k2]].mean(axis=0) for i in range(len(everyone))])
    some, others = encoded[: len(query)], encoded[len(query) :]
    jaccard = 1 - np.minimum(some[:, None], others).sum(axis=2) / np.maximum(some[:, None], others).sum(axis=2)
    distance: NDArray[np.float64] = weight * relative[: len(query), len(query) :] + (1 - weight) * jaccard
    return distance


@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (7, 1, 0.0), (500, 3, 1.0)])
def test_reranking(made_up: Vectors, k1: int, k2: int, weight: float) -> None:
    query, _, gallery, _ = made_up
    gallery = np.delete(gallery, range(60, 80), axis=0)  # copies are each other's first neighbour by chance
    found = -reranked(query, gallery, Reranking(k1, k2, weight))(slice(3, 30))
    assert found == pytest.approx(reranked_as_published(query, gallery, k1, k2, weight)[3:30], abs=2e-5)


def test_reranking_helps_where_people_form_clusters() -> None:
    person, camera = np.repeat(np.arange(30), 8), np.tile(np.arange(2), 120)
    query, gallery = (Labels(person[camera == c], camera[camera == c]) for c in (0, 1))
    gains = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        noisy = random.normal(size=(30, 16))[person] + 0.8 * random.normal(size=(240, 16))
        vectors = np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)
        asked, known = vectors[camera == 0], vectors[camera == 1]
        plain = rank(cosines(asked, known), query, gallery).figures()
        gains.append(rank(reranked(asked, known, Reranking(6, 3)), query, gallery).figures().map - plain.map)
    assert np.mean(gains) > 0.02
