"""Which pictures of a part of a data set are covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAPER_PICTURES = 0.3


def choose_paper(
    people: Sequence[str], cameras: Sequence[str], rng: np.random.Generator, *, share: float = PAPER_PICTURES
) -> NDArray[np.int64]:
    """A random `share` of the pictures, sorted indices (K,), spread over everybody's pictures and cameras.

    K differs from the exact share by less than one picture, and so does the count of every person.
    """
    names, person = np.unique(np.asarray(people), return_inverse=True)
    _, camera = np.unique(np.asarray(cameras), return_inverse=True)
    turn = rng.permutation(len(names))[person]
    order = np.lexsort((rng.random(len(people)), camera, turn))
    # walking past all pictures of one person after the other, every third or fourth is taken
    passed = np.floor(share * np.arange(len(people) + 1) + rng.random()).astype(np.int64)
    return np.sort(order[np.flatnonzero(np.diff(passed))])


def choose_release(people: Sequence[str], rng: np.random.Generator) -> NDArray[np.int64]:
    """One random picture out of every run of pictures that follow each other and show one person; sorted indices."""
    names = np.asarray(people)
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]])) if len(names) else np.array([], np.int64)
    ends = np.append(starts[1:], len(names))
    return rng.integers(starts, ends) if len(starts) else starts
