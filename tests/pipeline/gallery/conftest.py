from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from postgres_server import PostgresServer, running_server
from reid_pipeline.gallery.evidence import Evidence, RunEntry, Sighting
from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.types import GalleryChange, Identity, Link, Prototype, State, TrackletKey

DIM = 8
S = 1_000_000_000
RUN = RunEntry("live-1", "/runs/1", "", 5)


@pytest.fixture
def encoder() -> EncoderStamp:
    return EncoderStamp("color-stripes", "a" * 64, DIM)


@pytest.fixture
def remember() -> Callable[..., GalleryChange]:
    """Builds changes: `remember("P0001", "P0002", looks=3, seed=1, removed=("P0009",), next_number=4)`."""

    def build(
        *ids: str, looks: int = 2, seed: int = 0, dim: int = DIM, removed: tuple[str, ...] = (), next_number: int = 10
    ) -> GalleryChange:
        rng = np.random.default_rng(seed)
        identities, prototypes = [], []
        for id_ in ids:
            for _ in range(looks):
                vector = rng.standard_normal(dim).astype(np.float32)
                prototypes.append(
                    Prototype(
                        identity=id_,
                        camera=str(rng.choice(["lobby", "entrance", "Süd"])),
                        timestamp_ns=int(rng.integers(0, 3)),
                        quality=float(rng.random()),
                        vector=vector / np.linalg.norm(vector),
                    )
                )
            seen = (1_700_000_000_000_000_000 + seed, 1_700_000_000_000_000_001 + seed)
            identities.append(Identity(id_, State.CONFIRMED, ("lobby", "entrance"), *seen))
        return GalleryChange(tuple(identities), tuple(prototypes), removed, next_number)

    return build


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that runs as long as the tests do."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty gallery of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").emptied_database())
    return {"memory": "memory://", "sqlite": "sqlite:///gallery.db"}[request.param]


@pytest.fixture
def gallery(store_url: str, tmp_path: Path, encoder: EncoderStamp) -> Iterator[SqlGallery]:
    """An empty gallery of each kind, open for a run."""
    opened = open_gallery(store_url, encoder=encoder, base=tmp_path)
    yield opened
    opened.close()


class Story:
    """Tracks of people, as a run would tell of them: `seen("P0001", "lobby:3", 10, 12)` gives one look a second."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.looks: list[Prototype] = []

    def seen(self, identity: str, tracklet: str, start_s: int, end_s: int, *, run: str = RUN.run) -> Story:
        camera, _, track_id = tracklet.rpartition(":")
        key = TrackletKey(camera, int(track_id))
        span = (start_s * S, end_s * S)
        self.sightings.append(Sighting(run, key, identity, *span, 0.8, 0.2, State.CONFIRMED, "linked"))
        for second in range(start_s, end_s + 1):
            vector = np.random.default_rng([second, key.track_id]).standard_normal(DIM).astype(np.float32)
            vector /= np.linalg.norm(vector)
            self.looks.append(Prototype(identity, camera, second * S, 0.5, vector))
        return self

    def change(self, *, next_number: int = 10) -> GalleryChange:
        people = []
        for id_ in sorted({one.identity for one in self.sightings}):
            own = [one for one in self.sightings if one.identity == id_]
            cameras = tuple(sorted({one.tracklet.camera for one in own}))
            span = (min(one.start_ns for one in own), max(one.end_ns for one in own))
            people.append(Identity(id_, State.CONFIRMED, cameras, *span))
        return GalleryChange(tuple(people), tuple(self.looks), (), next_number)

    def evidence(self, *links: tuple[str, str], run: RunEntry = RUN) -> Evidence:
        keys = {str(one.tracklet): one.tracklet for one in self.sightings}
        made = tuple(Link(keys[a], keys[b], 0.75, {"appearance": 0.75}) for a, b in links)
        return Evidence(run, tuple(one for one in self.sightings if one.run == run.run), made)

    def tell(self, gallery: SqlGallery, *links: tuple[str, str]) -> None:
        """Commit and record all of it."""
        gallery.commit(self.change())
        gallery.record(self.evidence(*links))


@pytest.fixture
def story() -> Story:
    return Story()
