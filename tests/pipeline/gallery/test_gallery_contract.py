"""What every gallery store does, whatever it is made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reid_pipeline.gallery.sql_gallery import SqlGallery
from reid_pipeline.gallery.stamp import EncoderStamp
from reid_pipeline.gallery.stores import open_gallery
from reid_pipeline.types import GalleryChange, GallerySnapshot, Identity, Prototype, SiteLikeness

Remember = Callable[..., GalleryChange]


def plain(snapshot: GallerySnapshot) -> tuple[object, ...]:
    """The snapshot in a form that `==` compares to the last bit."""
    looks = [(p.identity, p.camera, p.timestamp_ns, p.quality, p.vector.tobytes()) for p in snapshot.prototypes]
    return snapshot.identities, looks, snapshot.next_number


def test_new_gallery_is_empty(gallery: SqlGallery) -> None:
    assert gallery.snapshot() == GallerySnapshot((), (), 1)
    stats = gallery.stats()
    assert (stats.identities, stats.prototypes, stats.dim, stats.encoder) == (0, 0, None, None)


def test_gives_back_what_was_committed(gallery: SqlGallery, remember: Remember) -> None:
    change = remember("P0002", "P0001", looks=5, next_number=3)
    gallery.commit(change)

    snapshot = gallery.snapshot()
    assert snapshot.identities == (change.identities[1], change.identities[0])
    assert snapshot.next_number == 3
    in_order = sorted(change.prototypes, key=lambda p: (p.identity, p.camera, p.timestamp_ns))
    assert plain(snapshot)[1] == plain(replace(snapshot, prototypes=tuple(in_order)))[1]
    vector = snapshot.prototypes[0].vector
    assert vector.dtype == np.float32
    assert not vector.flags.writeable


def test_commit_replaces_the_looks_of_those_named_and_of_nobody_else(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001", "P0002", looks=4))
    before = [p for p in gallery.snapshot().prototypes if p.identity == "P0002"]

    gallery.commit(remember("P0001", looks=1, seed=5))

    after = gallery.snapshot()
    assert len(after.prototypes) == 5
    kept = [p for p in after.prototypes if p.identity == "P0002"]
    assert [p.vector.tobytes() for p in kept] == [p.vector.tobytes() for p in before]
    assert after.identities[0].first_seen_ns == 1_700_000_000_000_000_005


def test_removed_identities_are_gone_with_their_looks(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001", "P0002", "P0003"))
    gallery.commit(remember("P0001", removed=("P0002", "P0003", "P0999")))

    snapshot = gallery.snapshot()
    assert [identity.id for identity in snapshot.identities] == ["P0001"]
    assert {p.identity for p in snapshot.prototypes} == {"P0001"}


def test_what_a_run_says_itself_is_no_news(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001"))
    gallery.snapshot()
    gallery.commit(remember("P0001", "P0002", next_number=3))
    assert gallery.news() == GalleryChange((), (), (), 3)


def test_an_identity_may_have_no_looks(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001", looks=0))
    assert len(gallery.snapshot().identities) == 1
    assert gallery.stats().encoder is None, "stamped by vectors only"


def test_later_changes_of_the_callers_array_do_not_reach_the_gallery(gallery: SqlGallery, remember: Remember) -> None:
    batch = np.eye(8, dtype=np.float32)
    look = Prototype("P0001", "lobby", 1, 0.5, batch[0])
    gallery.commit(replace(remember("P0001"), prototypes=(look,)))
    batch[:] = 0
    assert gallery.snapshot().prototypes[0].vector[0] == 1


def test_takes_numbers_of_numpy(gallery: SqlGallery, remember: Remember) -> None:
    change = remember("P0001", looks=0)
    look = Prototype("P0001", "lobby", np.int64(7), np.float32(0.5), np.eye(8, dtype=np.float32)[0])
    seen = replace(change.identities[0], first_seen_ns=np.int64(3))
    gallery.commit(replace(change, identities=(seen,), prototypes=(look,)))
    snapshot = gallery.snapshot()
    assert snapshot.identities[0].first_seen_ns == 3
    assert (snapshot.prototypes[0].timestamp_ns, snapshot.prototypes[0].quality) == (7, 0.5)


def test_how_alike_people_are_is_remembered_by_pairs_of_cameras(gallery: SqlGallery, remember: Remember) -> None:
    def commit(*likeness: SiteLikeness) -> None:
        gallery.commit(replace(remember("P0001"), likeness=likeness))

    strangers, oneself = (SiteLikeness(("hall", "hall"), same, 3, 0.1 + 0.2, 0.25) for same in (False, True))
    across = SiteLikeness(("hall", "yard"), False, 2, 0.5, 0.125)
    commit(oneself, strangers)
    commit(across)
    gallery.commit(remember("P0001"))
    assert gallery.snapshot().likeness == (strangers, oneself, across)
    grown = replace(strangers, count=4, total=0.75)
    commit(grown)
    assert gallery.snapshot().likeness == (grown, oneself, across)


def test_stats_count(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001", "P0002", looks=3))
    stats = gallery.stats()
    assert (stats.identities, stats.prototypes, stats.dim, stats.encoder) == (2, 6, 8, "color-stripes")
    assert stats.bytes >= 6 * 8 * 4


def test_a_change_that_contradicts_itself_is_refused_whole(gallery: SqlGallery, remember: Remember) -> None:
    gallery.commit(remember("P0001"))
    before = plain(gallery.snapshot())
    good = remember("P0002", "P0003")
    bad = {
        "named twice": replace(good, identities=good.identities * 2),
        "P0003 is in identities too": replace(good, removed=("P0003",)),
        "P0003 is not in identities": replace(good, identities=good.identities[:1]),
        "expected vectors of 8 numbers, got 9": remember("P0002", dim=9),
        "at least 1": replace(good, next_number=0),
    }
    for reason, change in bad.items():
        with pytest.raises(ValueError, match=reason):
            gallery.commit(change)
    assert plain(gallery.snapshot()) == before


def test_closing_twice_is_closing_once(gallery: SqlGallery) -> None:
    gallery.close()
    gallery.close()


class Model:
    """What a gallery is, in two dictionaries."""

    def __init__(self) -> None:
        self.identities: dict[str, Identity] = {}
        self.looks: dict[str, list[Prototype]] = {}
        self.next_number = 1

    def commit(self, change: GalleryChange) -> None:
        for id_ in change.removed:
            self.identities.pop(id_, None)
            self.looks.pop(id_, None)
        for identity in change.identities:
            self.identities[identity.id] = identity
            own = [look for look in change.prototypes if look.identity == identity.id]
            self.looks[identity.id] = sorted(own, key=lambda look: (look.camera, look.timestamp_ns))
        self.next_number = change.next_number

    def snapshot(self) -> GallerySnapshot:
        ids = sorted(self.identities)
        looks = tuple(look for id_ in ids for look in self.looks[id_])
        return GallerySnapshot(tuple(self.identities[id_] for id_ in ids), looks, self.next_number)


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_commits_leaves_what_it_says(
    store_url: str, tmp_path: Path, encoder: EncoderStamp, remember: Remember, seed: int
) -> None:
    rng = random.Random(seed)
    model = Model()
    gallery = open_gallery(store_url, encoder=encoder, base=tmp_path)
    for step in range(40):
        ids = [f"P{n:04d}" for n in rng.sample(range(30), 8)]
        cut = rng.randrange(6)
        change = remember(
            *ids[:cut],
            looks=rng.randrange(6),
            seed=100 * seed + step,
            removed=tuple(ids[cut : cut + rng.randrange(3)]),
            next_number=rng.randrange(1, 99),
        )
        model.commit(change)
        gallery.commit(change)
        if rng.random() < 0.2 and not store_url.startswith("memory"):
            gallery.close()
            gallery = open_gallery(store_url, encoder=encoder, base=tmp_path)
        assert plain(gallery.snapshot()) == plain(model.snapshot())
        stats = gallery.stats()
        assert (stats.identities, stats.prototypes) == (len(model.identities), sum(map(len, model.looks.values())))
    gallery.close()
