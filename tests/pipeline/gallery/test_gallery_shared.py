"""Several processes that share one gallery, killed whenever it suits nobody."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from postgres_server import PostgresServer
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stores import open_gallery

EVERYBODY = "P0001"

# Sees one more new person each turn, and the person whom all processes know. Says what was committed when it is: the
# track, its person, and the moment of the look. Remembers what it found, as a run does.
WRITER = f"""
import sys
from dataclasses import replace
import numpy as np
from reid_pipeline.gallery.evidence import Evidence, RunEntry, Sighting
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.types import GalleryChange, Identity, Prototype, State, TrackletKey

url, name, turn = sys.argv[1:4]
gallery = open_gallery(url, encoder=EncoderStamp("test", "a" * 64, 8))
snapshot = gallery.snapshot()
looks = [look for look in snapshot.prototypes if look.identity == "{EVERYBODY}"]
seen = [one for one in snapshot.identities if one.id == "{EVERYBODY}"]
number = max(snapshot.next_number, 2)
run = RunEntry(f"live-{{name}}-{{turn}}", f"/runs/{{name}}", "", 0)
track = 0
while True:
    track += 1
    moment = 1 + (int(turn) * 1000 + track) * 100 + int(name)
    vector = np.eye(8, dtype=np.float32)[int(name)]
    new = f"P{{number:04d}}"
    number += 1
    looks.append(Prototype("{EVERYBODY}", f"camera{{name}}", moment, 0.5, vector))
    cameras = tuple(sorted({{look.camera for look in looks}}))
    times = [look.timestamp_ns for look in looks]
    gallery.commit(GalleryChange(
        (Identity("{EVERYBODY}", State.CONFIRMED, cameras, min(times), max(times)),
         Identity(new, State.CONFIRMED, (f"camera{{name}}",), moment, moment)),
        (*looks, Prototype(new, f"camera{{name}}", moment, 0.5, vector)), (), number,
    ))
    key = TrackletKey(f"camera{{name}}", track)
    gallery.record(Evidence(run, (Sighting(run.run, key, new, moment, moment, 0.5, 0.5, State.CONFIRMED, "new"),)))
    print(run.run, track, new, moment, flush=True)
"""


@dataclass(slots=True)
class Told:
    """What the processes said was kept."""

    moments: set[tuple[str, int]] = field(default_factory=set)
    person_of: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, name: int, output: str) -> int:
        """Take one process's lines, the last of which may have been cut off; how many there were."""
        lines = output.split("\n")[:-1]
        for line in lines:
            run, track, person, moment = line.split()
            self.moments.add((f"camera{name}", int(moment)))
            self.person_of[run, int(track)] = person
        return len(lines)

    def check(self, gallery: SqlGallery) -> None:
        """All of it is there, and nobody has two names or shares one."""
        snapshot = gallery.snapshot()
        shared = {(look.camera, look.timestamp_ns) for look in snapshot.prototypes if look.identity == EVERYBODY}
        assert self.moments <= shared, "an update was lost"
        assert max(Counter(self.person_of.values()).values()) == 1, "two tracks were given one id"
        (everybody,) = [one for one in snapshot.identities if one.id == EVERYBODY]
        assert everybody.last_seen_ns >= max(moment for _, moment in self.moments)
        assert set(everybody.cameras) >= {camera for camera, _ in self.moments}
        on_record: dict[tuple[str, int], list[str]] = {}
        for identity in snapshot.identities:
            dossier = gallery.dossier(identity.id)
            assert dossier is not None
            for one in dossier.sightings:
                on_record.setdefault((one.run, one.tracklet.track_id), []).append(identity.id)
        assert max(map(len, on_record.values())) == 1, "one track has two people"
        assert {key: [person] for key, person in self.person_of.items()}.items() <= on_record.items()


def kill_and_go_on(url: str, *, turns: int, writers: int = 3) -> Told:
    rng = random.Random(turns)
    told = Told()
    for turn in range(turns):
        command = [sys.executable, "-c", WRITER, url]
        processes = [
            subprocess.Popen([*command, str(name), str(turn)], stdout=subprocess.PIPE, text=True)
            for name in range(writers)
        ]
        for process in processes:
            assert process.stdout is not None
            told.add(processes.index(process), process.stdout.readline())
        for name in rng.sample(range(writers), writers):
            time.sleep(rng.uniform(0, 0.2))
            processes[name].kill()
        for name, process in enumerate(processes):
            told.add(name, process.communicate()[0])
        with closing(open_gallery(url, encoder=None)) as gallery:
            told.check(gallery)
    return told


def test_nothing_is_lost_or_named_twice_by_processes_that_are_killed(postgres: PostgresServer) -> None:
    told = kill_and_go_on(postgres.emptied_database(), turns=3)
    assert len(told.moments) > 9


@pytest.mark.slow
def test_nothing_is_lost_or_named_twice_by_many_processes_that_are_killed(postgres: PostgresServer) -> None:
    told = kill_and_go_on(postgres.emptied_database(), turns=50)
    assert len(told.moments) > 150
