"""The files of a world: the journal of a run that never was, truth per camera, and the cameras.yaml that fits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from reid_pipeline.records.document import ModelRecord
from reid_pipeline.records.files import writing
from reid_pipeline.records.journal import JournalCamera, JournalHeader, JournalWriter
from reid_tools.scenarios.appearance import DIM, MATCH, Energies
from reid_tools.scenarios.filming import Filmed, TruthRow
from reid_tools.scenarios.layout import Scene
from reid_tools.scenarios.world import TUNING, World

EPOCH_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z: worlds begin somewhere."""

ENCODER = "simulated"


@dataclass(frozen=True, slots=True)
class WorldFiles:
    """A world on disk: one journal for each time that its cameras ran, and the truth files of each, by camera.

    `facts` is what is true besides boxes.
    """

    folder: Path
    config: Path
    facts: Path
    journals: tuple[Path, ...]
    truths: tuple[Mapping[str, Path], ...]


def files_of(scene: Scene, folder: Path) -> WorldFiles:
    """Where the files of a scene are, or will be."""
    parts = [""] if len(scene.shifts) == 1 else [f"-{n + 1}" for n in range(len(scene.shifts))]
    names = [watch.camera.name for watch in scene.watches]
    return WorldFiles(
        folder,
        folder / "cameras.yaml",
        folder / "truth.json",
        tuple(folder / f"run{part}.journal" for part in parts),
        tuple({name: folder / f"gt{part}_{name}.txt" for name in names} for part in parts),
    )


def write_world(world: World, folder: Path) -> WorldFiles:
    """Write everything; the same world gives the same bytes. Raises `RecordError` for a folder it cannot write to."""
    files = files_of(world.scene, folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for (start_s, end_s), journal, truths in zip(world.scene.shifts, files.journals, files.truths, strict=True):
        rows = _write_journal(journal, header(world.scene, start_s), world.film(start_s, end_s))
        for name, path in truths.items():
            with writing(path):
                path.write_text("".join(row.line() + "\n" for row in rows[name]), encoding="ascii")
    with writing(files.facts):
        files.facts.write_text(_facts(world), encoding="ascii")
    with writing(files.config):
        files.config.write_text(cameras_yaml(world.scene), encoding="utf-8")
    return files


def _facts(world: World) -> str:
    """What is true besides boxes: how far ahead each clock is, and who is dressed alike (ids as in the truth files)."""
    facts = {
        "scene": world.scene.name,
        "seed": world.seed[1],
        "tuning": world.seed[0] == TUNING,
        "people": len(world.walks),
        "clock_s": {watch.camera.name: round(watch.clock_s, 4) for watch in world.scene.watches},
        "uniformed": [number + 1 for number in sorted(world.scene.uniformed)],
    }
    return json.dumps(facts, indent=1, sort_keys=True) + "\n"


def header(scene: Scene, start_s: float) -> JournalHeader:
    """The header of a journal that begins at `start_s` of the scene's time."""
    looks = sha256(repr((DIM, asdict(Energies()))).encode()).hexdigest()
    return JournalHeader(
        cameras=tuple(
            JournalCamera(watch.camera.name, watch.camera.width, watch.camera.height, scene.fps)
            for watch in scene.watches
        ),
        detector=ModelRecord(ENCODER, ""),
        encoder=ModelRecord(ENCODER, looks),
        dim=DIM,
        match=MATCH,
        epoch_ns=EPOCH_NS + round(start_s * 1e9),
    )


def cameras_yaml(scene: Scene) -> str:
    """The configuration of the site. Its sources do not exist: only its journals can be replayed."""
    cameras: dict[str, Any] = {}
    for watch in scene.watches:
        name = watch.camera.name
        entry: dict[str, Any] = {"source": f"{name}.mp4"}
        near = [n for n in scene.neighbours if n.first == name]
        if near:
            entry["neighbors"] = {n.second: {"min_s": n.min_s, "max_s": n.max_s} for n in near}
        if scene.overlaps is not None:
            entry["overlaps"] = sorted({x for pair in scene.overlaps if name in pair for x in pair} - {name})
        if scene.calibrated:
            entry["homography"] = [[float(f"{x:.9g}") for x in row] for row in watch.camera.floor_homography()]
        cameras[name] = entry
    site: dict[str, Any] = {"cameras": cameras, "output": {"directory": "out"}}
    if len(scene.shifts) > 1:
        site["gallery"] = {"store": "sqlite:///gallery.db"}
    body = yaml.safe_dump(site, sort_keys=False, default_flow_style=None)
    journals = " then ".join(path.name for path in files_of(scene, Path()).journals)
    return f"# The simulated site {scene.name}; `reid-pipeline replay cameras.yaml --journal ...`: {journals}\n{body}"


def _write_journal(path: Path, journal_header: JournalHeader, film: Iterable[Filmed]) -> dict[str, list[TruthRow]]:
    """Write the steps; returns the truth by camera."""
    rows: dict[str, list[TruthRow]] = {camera.id: [] for camera in journal_header.cameras}
    with JournalWriter(path, journal_header) as journal:
        for filmed in film:
            journal.write(filmed.step)
            rows[filmed.step.camera].extend(filmed.truth)
    return rows
