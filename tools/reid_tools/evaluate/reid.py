"""Evaluating encoders on a data set: as it is, and with queries partly hidden.

Only queries are hidden; the gallery is encoded once and stays as it is. With nothing hidden the figures are the clean
ones, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from reid_pipeline.errors import ConfigError
from reid_pipeline.runtime.report import Progress
from reid_tools.datasets import DISTRACTOR, Dataset, Picture
from reid_tools.datasets.folders import SUFFIXES
from reid_tools.evaluate.reid_encoding import Kept
from reid_tools.evaluate.reid_models import Opener
from reid_tools.evaluate.reid_result import EncoderScores, ReidEvaluation
from reid_tools.evaluate.reid_trial import Stress, Trial
from reid_tools.evaluate.rerank import Reranking


def outside_donors(folder: Path | None, dataset: Dataset) -> tuple[Picture, ...]:
    """The pictures below a folder, or without one the set's train part: people that are not in the gallery.

    Raises `ConfigError` for a folder without pictures.
    """
    if folder is None:
        known = {picture.person for picture in dataset.gallery}
        return tuple(picture for picture in dataset.train if picture.person not in known)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ConfigError(f"{folder}: expected a folder with pictures of people, found none")
    return tuple(Picture(path, DISTRACTOR, 0) for path in paths)


def evaluate_reid(
    dataset: Dataset,
    models: Sequence[str],
    opener: Opener,
    *,
    stress: Stress,
    reranking: Reranking | None,
    progress: Progress,
) -> ReidEvaluation:
    """Evaluate encoders, given by name or path, on a data set.

    Raises what `Opener.open` and `Opener.check` raise, `RecordError` for a file that holds no picture, and
    `ConfigError` when there is nobody to be put in front of somebody else.
    """
    opener.check(models)
    queries = Kept(dataset.query)
    found: list[EncoderScores] = []
    counted = 0
    for given in models:
        with closing(opener.open(given)) as model:
            trial = Trial(dataset, queries, model, reranking, progress)
            found += trial.scores(stress)
            counted = trial.counted
    return ReidEvaluation(dataset, counted, reranking is not None, stress.seeds, tuple(found))
