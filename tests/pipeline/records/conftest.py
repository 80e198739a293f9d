"""Small real values that the tests of records share."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.core.standing import Decisions
from reid_pipeline.records.tracks import CameraRecord, ModelRecord, RunInfo, RunSummary, TrackRecorder
from reid_pipeline.types import (
    NS_PER_S,
    Assignment,
    EncodedStep,
    Identity,
    IdentityEvent,
    Link,
    Observation,
    Settlement,
    State,
    TrackedBoxes,
    TrackletKey,
)

FRAME_NS = NS_PER_S // 10
StepMaker = Callable[..., EncodedStep]


@pytest.fixture
def make_step() -> StepMaker:
    def make(
        camera: str,
        index: int,
        boxes: Mapping[int, Sequence[float]] | None = None,
        *,
        vectors: Mapping[int, Sequence[float]] | None = None,
        ended: tuple[int, ...] = (),
    ) -> EncodedStep:
        boxes = boxes or {}
        xyxy = np.array(list(boxes.values()), np.float32).reshape(-1, 4)
        return EncodedStep(
            camera=camera,
            index=index,
            timestamp_ns=index * FRAME_NS,
            tracked=TrackedBoxes(xyxy, np.full(len(boxes), 0.9, np.float32), np.array(list(boxes), np.int64)),
            observations=tuple(
                Observation(
                    camera=camera,
                    track_id=track_id,
                    frame_index=index,
                    timestamp_ns=index * FRAME_NS,
                    xyxy=np.array(boxes[track_id], np.float32),
                    quality=0.75,
                    vector=np.array(vector, np.float32),
                )
                for track_id, vector in (vectors or {}).items()
            ),
            ended=ended,
        )

    return make


def _settled(camera: str, track_id: int, identity: str, score: float = 0.8) -> Settlement:
    assignment = Assignment(camera, track_id, identity, 0, score, 0.21, State.CONFIRMED, "linked")
    return Settlement(assignment, 600_000_000, start_ns=0, end_ns=500_000_000)


@pytest.fixture
def decisions() -> Decisions:
    """P0001 in two cameras, P0002 in one, and lobby:3 without an identity."""
    lobby, street = TrackletKey("lobby", 1), TrackletKey("street", 1)
    return Decisions(
        settled=[_settled("lobby", 1, "P0001", 1.0), _settled("street", 1, "P0001"), _settled("lobby", 2, "P0002")],
        links=[Link(lobby, street, 0.83, {"time": 0.6, "appearance": 0.83})],
        events=[
            IdentityEvent("linked", 300_000_000, "P0001", street),
            IdentityEvent("new", 0, "P0001", lobby, reason="nobody like that"),
            IdentityEvent("merged", 400_000_000, "P0001", other="P0003"),
        ],
    )


@pytest.fixture
def summary() -> RunSummary:
    """Two cameras, and who was in them."""
    return RunSummary(
        run=RunInfo(
            id="r1",
            config_sha256="c0ffee",
            software="reid-pipeline 0.1.0",
            detector=ModelRecord("yolox-tiny", "abc"),
            encoder=ModelRecord("color-stripes", ""),
            mode="replay",
            deterministic=True,
            epoch_ns=1_772_355_600_123_000_000,
        ),
        cameras=(CameraRecord("street", 640, 360, 10.0, 6, 1), CameraRecord("lobby", 320, 240, 9.97, 6, 0)),
        identities=[
            Identity("P0002", State.PROVISIONAL, ("lobby",), 0, 0),
            Identity("P0001", State.CONFIRMED, ("lobby", "street"), 0, 0),
            Identity("P0099", State.CONFIRMED, ("lobby",), 0, 0),
        ],
    )


@pytest.fixture
def steps(make_step: StepMaker) -> list[EncodedStep]:
    walked = []
    for index in range(6):
        left = 10.0 + 3.3 * index
        lobby = {1: (left, 20.0, left + 30.5, 120.25), 2: (200.0, 20.0, 230.0, 110.0)}
        if index == 5:
            lobby = {3: (-0.001, 5.0, 12.0, 30.0)}
        walked.append(make_step("lobby", index, lobby, ended=(1, 2) if index == 5 else ()))
        walked.append(make_step("street", index, {1: (left, 50.0, left + 20.0, 100.0)} if index >= 2 else {}))
    return walked


@pytest.fixture
def small_disk() -> Callable[[], AbstractContextManager[None]]:
    """Inside it, no file of this process may grow beyond 20,000 bytes: as near to a full disk as a test can come.

    The limit holds for standard output too, so it must be over before pytest says how the test went: a log file of a
    whole run is longer than that, and pytest used to die of it without a word.
    """

    @contextmanager
    def limited() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def tracks_path(tmp_path: Path, steps: list[EncodedStep], decisions: Decisions, summary: RunSummary) -> Path:
    """A finished tracks.json."""
    path = tmp_path / "run" / "tracks.json"
    with TrackRecorder(tmp_path) as recorder:
        for step in steps:
            recorder.add(step)
        recorder.keep(decisions)
        recorder.write(path, summary)
    return path
