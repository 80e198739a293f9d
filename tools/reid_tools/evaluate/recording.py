"""Association alone, scored: a journal beside its truth, the answers of an associator, and how good those are."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from reid_pipeline.config.loader import LoadedConfig
from reid_pipeline.core.offsets import Offset
from reid_pipeline.core.splitting import Splitter
from reid_pipeline.core.timeline import in_time_steps
from reid_pipeline.errors import ConfigError
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.records.document import CameraRecord
from reid_pipeline.records.journal import read_journal
from reid_pipeline.records.run_record import CameraHealth, RunState
from reid_pipeline.runtime.ledger import Ledger, Models, open_ledger
from reid_pipeline.runtime.report import RunOptions
from reid_pipeline.runtime.settings import familiar
from reid_pipeline.runtime.stopwatch import Stopwatch
from reid_pipeline.types import NS_PER_S, EncodedStep, TrackletKey
from reid_tools.evaluate.align import UNIDENTIFIED, AlignedFrame, CameraBoxes, align, as_sequence
from reid_tools.evaluate.clear import clear_scores, match_steps
from reid_tools.evaluate.hota import hota_scores
from reid_tools.evaluate.identity import identity_scores
from reid_tools.evaluate.oracle import by_overlap, oracle_identities
from reid_tools.evaluate.promptness import Life, Promptness
from reid_tools.evaluate.sequence import Ints
from reid_tools.evaluate.truth import read_truth

IOU = 0.5

Answers = Mapping[TrackletKey, str]


@dataclass(frozen=True, slots=True)
class Recording:
    """A journal beside its truth.

    `lives` says when each tracklet was seen; tracklets are numbered in its order. `frames` are aligned, all cameras one
    after another. It holds `steps` camera steps of `seconds` of recorded time. People are numbered as in the truth
    files, so they are the same in several recordings of one site.
    """

    journal: Path
    lives: Mapping[TrackletKey, Life]
    frames: tuple[AlignedFrame, ...]
    steps: int
    seconds: float

    @classmethod
    def read(cls, journal: Path, truth: Mapping[str, Path], *, ignore_unlabelled: bool = False) -> Recording:
        """Read, cut tracks as a run does, and align.

        Raises `ConfigError` for a camera that is not in the journal, `RecordError` for bad files.
        """
        header, steps = read_journal(journal)
        known = [camera.id for camera in header.cameras]
        for camera in truth:
            if camera not in known:
                raise ConfigError(f"--truth {camera}: {journal} has no such camera; its cameras are {', '.join(known)}")
        number: dict[TrackletKey, int] = {}
        lives: dict[TrackletKey, Life] = {}
        boxes: dict[str, list[EncodedStep]] = {camera: [] for camera in known}
        last_ns = 0
        splitter = Splitter(familiar(header.match))
        for step in (part for whole in in_time_steps(steps) for part in splitter.split(whole).steps):
            last_ns = max(last_ns, step.timestamp_ns)
            boxes[step.camera].append(step)
            for track_id in step.tracked.track_id.tolist():
                key = TrackletKey(step.camera, track_id)
                number.setdefault(key, len(number))
                now_s = step.timestamp_ns / NS_PER_S
                lives[key] = Life(lives[key].start_s if key in lives else now_s, now_s)
        frames = [
            frame
            for camera, path in truth.items()
            for frame in align(
                read_truth(path),
                _predicted(camera, boxes[camera], number),
                threshold=IOU,
                ignore_unlabelled=ignore_unlabelled,
            )
        ]
        return cls(journal, lives, tuple(frames), sum(map(len, boxes.values())), last_ns / NS_PER_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How good the answers are. Shares are 0..1.

    `false_links` counts tracklets whose identity mostly shows somebody else, `missed_links` the identities that people
    have beyond their first.
    """

    idf1: float
    ass_a: float
    id_switches: int
    false_links: int
    missed_links: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said of each recording, live and in the end, how promptly, and in how many `seconds` of CPU time.

    CPU time is that of a whole replay, on one thread; other work on the machine does not count. `clocks` is what the
    last recording told of the cameras' clocks.
    """

    live: tuple[Answers, ...]
    final: tuple[Answers, ...]
    promptness: Promptness
    seconds: float
    clocks: tuple[Offset, ...]


def answer(loaded: LoadedConfig, recordings: Sequence[Recording]) -> Answered:
    """Associate recordings of one site one after the other, as separate runs with one gallery, which starts empty."""
    live, final, promptness, seconds = [], [], Promptness(), 0.0
    clocks: tuple[Offset, ...] = ()
    with TemporaryDirectory(prefix="reid-ablation-") as folder:
        gallery = loaded.config.gallery.model_copy(update={"store": f"sqlite:///{folder}/gallery.db"})
        loaded = replace(loaded, config=loaded.config.model_copy(update={"gallery": gallery}))
        for part, recording in enumerate(recordings):
            begin = time.process_time()
            told, said, prompt, clocks = _run(loaded, recording, Path(folder) / f"run-{part}")
            seconds += time.process_time() - begin
            promptness += prompt
            live.append(told)
            final.append(said)
    return Answered(tuple(live), tuple(final), promptness, seconds, clocks)


def score(recordings: Sequence[Recording], answers: Sequence[Answers]) -> Outcome:
    """Score all recordings as one, under one identity map."""
    identity = _identities(recordings, answers)
    frames = _numbered_on(recordings)
    truth = oracle_identities(frames, identity, threshold=IOU)
    false, missed = _links(frames, identity, truth)
    return _outcome(frames, identity, false, missed)


def ceiling(recordings: Sequence[Recording], answers: Sequence[Answers]) -> Outcome:
    """The score of the same tracklets under their true identities.

    What shows nobody counts only where the answers name it, as it does in the score that this is compared with.
    """
    frames = by_overlap(_numbered_on(recordings))
    identity = _identities(recordings, answers)
    return _outcome(frames, oracle_identities(frames, identity, threshold=IOU), 0, 0)


@dataclass(frozen=True, slots=True)
class Returns:
    """Who came back: of `people` seen in an earlier recording and the last one, `kept` have the identity they had.

    `false` counts people of the last recording who got the identity of somebody else from before, out of `seen`.
    """

    people: int
    kept: int
    false: int
    seen: int


def returns(recordings: Sequence[Recording], answers: Sequence[Answers]) -> Returns:
    """Compare what people are called in the last recording with what they were called before."""
    identity = _identities(recordings, answers)
    frames = _numbered_on(recordings)
    truth = oracle_identities(frames, identity, threshold=IOU)
    boxes = np.bincount(np.concatenate([frame.tracklet for frame in frames]), minlength=len(identity))
    first = len(identity) - len(recordings[-1].lives)
    real = truth <= max(int(frame.person.max(initial=-1)) for frame in frames)
    before = _main_identities(truth[:first], identity[:first], boxes[:first] * real[:first])
    after = _main_identities(truth[first:], identity[first:], boxes[first:] * real[first:])
    owner = {name: person for person, name in before.items()}
    back = before.keys() & after.keys()
    return Returns(
        people=len(back),
        kept=sum(before[person] == after[person] for person in back),
        false=sum(owner.get(name, person) != person for person, name in after.items()),
        seen=len(after),
    )


def _main_identities(truth: Ints, identity: Ints, boxes: Ints) -> dict[int, int]:
    """The identity that each person has in most boxes."""
    weight: dict[tuple[int, int], int] = {}
    for person, name, count in zip(truth.tolist(), identity.tolist(), boxes.tolist(), strict=True):
        if count and name != UNIDENTIFIED:
            weight[person, name] = weight.get((person, name), 0) + count
    return {person: name for (person, name), _ in sorted(weight.items(), key=lambda item: item[1])}


def _run(
    loaded: LoadedConfig, recording: Recording, folder: Path
) -> tuple[Answers, Answers, Promptness, tuple[Offset, ...]]:
    header, steps = read_journal(recording.journal)
    stamp = EncoderStamp(header.encoder.name, header.encoder.sha256, header.dim)
    models = Models(header.detector, stamp, header.match)
    cameras = [CameraRecord(each.id, each.width, each.height, each.fps, 0, 0) for each in header.cameras]
    health = {camera.id: CameraHealth("journal", 0, 0, 0, 0, "") for camera in cameras}
    options = RunOptions(output=folder)
    folder.mkdir()
    with open_ledger(loaded, options, mode="replay", models=models, header=header, watch=Stopwatch()) as ledger:
        ledger.identify.decide(in_time_steps(steps))
        told = _told(ledger)
        with (folder / "events.jsonl").open(
            encoding="utf-8"
        ) as events:  # what is said from now on is not live any more
            promptness = Promptness.of(events, recording.lives)
        ledger.close_books(cameras, health, state=RunState.FINISHED)
        return told, _told(ledger), promptness, tuple(ledger.identify.associator.clocks.offsets())


def _told(ledger: Ledger) -> dict[TrackletKey, str]:
    """Who every tracklet is, as far as that was said."""
    associator = ledger.identify.associator
    settled = {key: associator.people.now(name) for key, name in ledger.outputs.recorder.answers().items()}
    return settled | {key: one.identity for key, one in associator.assignments().items()}


def _predicted(camera: str, steps: Sequence[EncodedStep], number: Mapping[TrackletKey, int]) -> CameraBoxes:
    tracked = [step.tracked for step in steps]
    ids = [number[TrackletKey(camera, track_id)] for each in tracked for track_id in each.track_id.tolist()]
    return CameraBoxes(
        frame=np.repeat(np.array([step.index for step in steps], np.int64), [len(each) for each in tracked]),
        tracklet=np.array(ids, np.int64),
        xyxy=np.concatenate([np.zeros((0, 4)), *(each.xyxy for each in tracked)]),
        score=np.concatenate([np.zeros(0), *(each.score for each in tracked)]),
    )


def _identities(recordings: Sequence[Recording], answers: Sequence[Answers]) -> Ints:
    """A number for the identity of each tracklet of all recordings, (tracklets,)."""
    names: dict[str, int] = {}
    identity: list[int] = []
    for recording, given in zip(recordings, answers, strict=True):
        for key in recording.lives:
            name = given.get(key)
            identity.append(UNIDENTIFIED if name is None else names.setdefault(name, len(names)))
    return np.array(identity, np.int64)


def _numbered_on(recordings: Sequence[Recording]) -> tuple[AlignedFrame, ...]:
    """The frames of all recordings, those of later ones with tracklet numbers after those of earlier ones."""
    frames: list[AlignedFrame] = []
    first = 0
    for recording in recordings:
        frames += [replace(frame, tracklet=frame.tracklet + first) for frame in recording.frames]
        first += len(recording.lives)
    return tuple(frames)


def _outcome(frames: tuple[AlignedFrame, ...], identity: Ints, false_links: int, missed_links: int) -> Outcome:
    sequence = as_sequence(frames, identity)
    return Outcome(
        idf1=identity_scores(sequence, threshold=IOU).idf1,
        ass_a=hota_scores(sequence).ass_a,
        id_switches=clear_scores(sequence, match_steps(sequence, threshold=IOU)).id_switches,
        false_links=false_links,
        missed_links=missed_links,
    )


def _links(frames: Sequence[AlignedFrame], identity: Ints, truth: Ints) -> tuple[int, int]:
    """How many tracklets are with somebody else, and how many identities too many people have.

    Tracklets that match nobody have a true identity of their own, so to link two of those is false as well.
    """
    boxes = np.zeros(len(identity), np.int64)
    for frame in frames:
        np.add.at(boxes, frame.tracklet, 1)
    owner: dict[int, int] = {}
    false = 0
    for each in np.unique(identity[identity != UNIDENTIFIED]).tolist():
        members = np.flatnonzero(identity == each)
        shown, place = np.unique(truth[members], return_inverse=True)
        owner[each] = int(shown[np.bincount(place, weights=boxes[members]).argmax()])
        false += int(np.count_nonzero(truth[members] != owner[each]))
    return false, len(owner) - len(set(owner.values()))
