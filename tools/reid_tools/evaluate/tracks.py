"""Evaluating a tracks file against truth files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from reid_pipeline.errors import ConfigError
from reid_pipeline.records.document import CameraRecord, TrackletRecord, TracksDocument
from reid_pipeline.records.tracks import read_tracks
from reid_tools.evaluate.align import UNIDENTIFIED, CameraBoxes, align
from reid_tools.evaluate.oracle import by_overlap, oracle_identities
from reid_tools.evaluate.result import MultiCameraScores, TracksEvaluation
from reid_tools.evaluate.score import AlignedCamera, score_cameras
from reid_tools.evaluate.sequence import Floats, Ints
from reid_tools.evaluate.truth import CameraTruth, read_truth

_MS_PER_S = 1000


def evaluate_tracks(
    tracks: Path,
    truth: Mapping[str, Path],
    *,
    iou: float = 0.5,
    oracle: bool = False,
    ignore_unlabelled: bool = False,
) -> TracksEvaluation:
    """Score a tracks file against truth.

    Args:
        tracks: A tracks.json.
        truth: The truth file of each camera to score; see `read_truth` for its rows. Ids are shared by all files.
        iou: Overlap from which a predicted box matches a true one, above 0 and at most 1.
        oracle: Also score the same tracklets under their true identities, the ceiling of association.
        ignore_unlabelled: Leave out predicted boxes that overlap no true box, for truth that does not name everybody.

    Raises:
        ConfigError: No truth, a threshold out of range, or a camera that is not in the tracks file.
        RecordError: A file cannot be read or holds something else.
    """
    if not 0 < iou <= 1:
        raise ConfigError(f"--iou: expected a number above 0 and at most 1, got {iou:g}")
    if not truth:
        raise ConfigError("--truth: expected CAMERA=FILE at least once, got none")
    document = read_tracks(tracks)
    _check_cameras(tracks, document, truth)
    truths = _with_compact_people({camera: read_truth(path) for camera, path in truth.items()})
    cameras = {
        record.id: _align_camera(
            document, record, truths[record.id], threshold=iou, ignore_unlabelled=ignore_unlabelled
        )
        for record in document.cameras
        if record.id in truths
    }
    identity = _identities(document)
    return TracksEvaluation(
        scores=score_cameras(cameras, identity, threshold=iou),
        ceiling=_ceiling(cameras, identity, iou) if oracle else None,
        iou=iou,
        unidentified=sum(t.identity is None for t in document.tracklets if t.camera in cameras),
        unscored=tuple(record.id for record in document.cameras if record.id not in cameras),
    )


def _ceiling(cameras: Mapping[str, AlignedCamera], identity: Ints, threshold: float) -> MultiCameraScores:
    scored = {name: replace(camera, frames=by_overlap(camera.frames)) for name, camera in cameras.items()}
    frames = (frame for camera in scored.values() for frame in camera.frames)
    return score_cameras(scored, oracle_identities(frames, identity, threshold=threshold), threshold=threshold)


def _check_cameras(tracks: Path, document: TracksDocument, truth: Mapping[str, Path]) -> None:
    known = [record.id for record in document.cameras]
    for camera in truth:
        if camera not in known:
            nearest = difflib.get_close_matches(camera, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"its cameras are {', '.join(known) or 'none'}"
            raise ConfigError(f"--truth {camera}={truth[camera]}: {tracks} has no camera {camera!r}; {hint}")


def _with_compact_people(truths: Mapping[str, CameraTruth]) -> dict[str, CameraTruth]:
    """The same truth with people numbered from 0 over all cameras: files may use any ids."""
    ids = np.unique(np.concatenate([truth.person for truth in truths.values()]))
    return {camera: replace(truth, person=np.searchsorted(ids, truth.person)) for camera, truth in truths.items()}


def _identities(document: TracksDocument) -> Ints:
    """A number for the identity of each tracklet, (tracklets,)."""
    names = sorted({tracklet.identity for tracklet in document.tracklets if tracklet.identity is not None})
    numbers: dict[str | None, int] = {None: UNIDENTIFIED, **{name: number for number, name in enumerate(names)}}
    return np.array([numbers[tracklet.identity] for tracklet in document.tracklets], np.int64)


def _align_camera(
    document: TracksDocument, record: CameraRecord, truth: CameraTruth, *, threshold: float, ignore_unlabelled: bool
) -> AlignedCamera:
    numbered = [(n, tracklet) for n, tracklet in enumerate(document.tracklets) if tracklet.camera == record.id]
    tracklets = [tracklet for _, tracklet in numbered]
    xywh = np.concatenate([np.zeros((0, 4)), *(tracklet.xywh for tracklet in tracklets)])
    predicted = CameraBoxes(
        frame=np.concatenate([np.zeros(0, np.int64), *(tracklet.frame for tracklet in tracklets)]),
        tracklet=np.repeat(np.array([n for n, _ in numbered], np.int64), [len(tracklet) for tracklet in tracklets]),
        xyxy=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
        score=np.concatenate([np.zeros(0), *(tracklet.box_score for tracklet in tracklets)]),
    )
    frames = align(truth, predicted, threshold=threshold, ignore_unlabelled=ignore_unlabelled)
    return AlignedCamera(frames, _times_ms(np.array([frame.index for frame in frames], np.int64), record, tracklets))


def _times_ms(frames: Ints, record: CameraRecord, tracklets: list[TrackletRecord]) -> Ints:
    """When the camera's `frames` (N,) happened, in ms: from the recorded times, and from the frame rate beyond them."""
    fps = record.fps or 1.0
    if not tracklets:
        return _milliseconds(frames / fps)
    seen, rows = np.unique(np.concatenate([tracklet.frame for tracklet in tracklets]), return_index=True)
    times_s = np.concatenate([tracklet.time_s for tracklet in tracklets])[rows]
    beyond = frames - np.clip(frames, seen[0], seen[-1])
    time_s = np.interp(frames, seen, times_s) + beyond / fps
    return _milliseconds(time_s)


def _milliseconds(time_s: Floats) -> Ints:
    return np.rint(time_s * _MS_PER_S).astype(np.int64, copy=False)
