"""Who of those remembered may be back, while tracklets and memories change."""

from __future__ import annotations

import numpy as np

from made_up_site import look
from reid_pipeline.core.people import People
from reid_pipeline.core.portrait import PORTRAIT_LOOKS
from reid_pipeline.core.returning import MEMORY, Returning
from reid_pipeline.core.tracklets import Tracklet
from reid_pipeline.types import Float32, GallerySnapshot, Identity, Observation, Prototype, State, TrackletKey

MATCH = 0.4
BOX = np.array([0, 0, 8, 24], np.float32)


def remembering(count: int, *, looks: int = 6) -> People:
    """A gallery of so many people, each with looks around a direction of their own."""
    identities = tuple(Identity(f"P{n + 1:04d}", State.CONFIRMED, ("a",), 0, 1) for n in range(count))
    prototypes = tuple(
        Prototype(identity.id, "a", moment, 0.8, look(number, 0.08, (number, moment)))
        for number, identity in enumerate(identities)
        for moment in range(looks)
    )
    return People(GallerySnapshot(identities, prototypes, count + 1))


def tracklet(number: int, *persons: int) -> Tracklet:
    """A track that shows the persons one after the other."""
    made = Tracklet(TrackletKey("b", number), 0, 0)
    for moment, person in enumerate(persons):
        made.observe(seen(number, moment, look(person, 0.1, (90, number, moment))))
    return made


def seen(track_id: int, moment: int, vector: Float32) -> Observation:
    return Observation("b", track_id, moment, moment, BOX, 0.8, vector)


def check(returning: Returning, tracklets: list[Tracklet], people: People) -> list[str]:
    """What is kept up to date is what comparing everything anew gives; returns who may be back."""
    seeds, alike = returning.seeds(tracklets, list(people), MATCH)
    remembered = [person for person in people if len(person.remembered)]
    anew = np.zeros((len(tracklets), len(remembered)))
    for column, person in enumerate(remembered if tracklets else ()):
        anew[:, column] = person.remembered.likeness(np.stack([t.looks.mean for t in tracklets])) - MEMORY
    reached = np.any(anew >= MATCH, axis=0)
    assert [seed.id for seed in seeds] == [p.id for p, back in zip(remembered, reached.tolist(), strict=True) if back]
    np.testing.assert_array_equal(alike, anew[:, reached])
    return [seed.id for seed in seeds]


def test_whoever_changes_the_result_is_as_if_everything_were_compared_anew() -> None:
    people = remembering(20)
    returning = Returning()
    first, second = tracklet(1, 3, 3), tracklet(2, *[5] * 12)
    assert check(returning, [first, second], people) == ["P0004", "P0006"]
    first.observe(seen(1, 9, look(7, 0.02, (7,))))
    assert check(returning, [first, second], people) == ["P0004", "P0006"]
    third = tracklet(3, 19)
    assert check(returning, [third, second, first], people) == ["P0004", "P0006", "P0020"]
    people.forget(["P0006"])
    assert check(returning, [second, third], people) == ["P0020"]
    person = people["P0002"]
    person.join(second, trusted=True)
    person.absorb(second)
    assert check(returning, [third, first, second], people) == ["P0002", "P0004", "P0020"]
    assert check(returning, [], people) == []


def test_somebody_met_in_this_run_is_remembered_in_the_place_of_somebody_forgotten() -> None:
    people = remembering(4)
    returning = Returning()
    one, other = tracklet(1, 2), tracklet(2, 30)
    assert check(returning, [one, other], people) == ["P0003"]
    people.forget(["P0003"])
    new, passing = people.new(), people.new()
    for person, confirmed in ((passing, False), (new, True)):
        person.confirmed = confirmed
        person.join(other, trusted=True)
        person.absorb(other)
    assert len(passing.known) == 0
    assert check(returning, [one, other], people) == ["P0005"]


def test_without_a_gallery_nobody_is_back() -> None:
    people = People(GallerySnapshot((), (), 1))
    seeds, alike = Returning().seeds([tracklet(1, 2)], list(people), MATCH)
    assert seeds == []
    assert alike.shape == (1, 0)


def test_what_several_runs_have_kept_of_a_person_is_taken_in() -> None:
    """The gallery may hold more looks of a person than one run would keep."""
    people = remembering(3, looks=70)
    assert all(len(person.remembered) == PORTRAIT_LOOKS for person in people)
    assert check(Returning(), [tracklet(1, 1)], people) == ["P0002"]


def test_of_who_is_away_there_is_one_portrait() -> None:
    for person in remembering(3):
        assert person.known is person.remembered
