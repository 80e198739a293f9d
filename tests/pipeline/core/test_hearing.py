"""A run hears of people whom another run of the same gallery has met meanwhile."""

from __future__ import annotations

from made_up_site import EMPTY, RULES, Visit, associate, key, look, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.topology import Topology
from reid_pipeline.types import NS_PER_S, GalleryChange, Identity, Prototype, State


def met_elsewhere(identity: str, person: int, *, until_s: float, removed: tuple[str, ...] = ()) -> GalleryChange:
    """Another run has seen the person until then."""
    known = Identity(identity, State.CONFIRMED, ("x",), 0, round(until_s * NS_PER_S))
    looks = tuple(Prototype(identity, "x", moment, 0.9, look(person, 0.05, (4, moment))) for moment in range(4))
    return GalleryChange((known,), looks, removed, 1)


def run(visits: list[Visit], news: dict[float, GalleryChange]) -> Associator:
    """An associator that hears the news at these seconds."""
    associator = Associator(RULES, Topology(), EMPTY)
    for step in time_steps(visits):
        associator.step(step)
        told = news.get(step.start_ns / NS_PER_S)
        if told is not None:
            associator.hear(told)
    associator.finish()
    return associator


def names(associator: Associator) -> dict[str, str]:
    return {str(track): assignment.identity for track, assignment in associator.assignments().items()}


def test_somebody_met_elsewhere_is_recognised_here() -> None:
    visits = [Visit("a", 1, 3, 0, 4), Visit("b", 1, 5, 6, 10)]
    associator = run(visits, {5.0: met_elsewhere("P1000001", 5, until_s=4.0)})
    assert names(associator) == {"a:1": "P0001", "b:1": "P1000001"}
    assert [person.id for person in associator.people if person.was_seen()] == ["P0001", "P1000001"]


def test_what_is_heard_late_is_taken_in_when_looking_back() -> None:
    """The news may come after the track has begun, if by then nobody saw the person elsewhere any more."""
    associator = run([Visit("b", 1, 5, 6, 14)], {8.0: met_elsewhere("P1000001", 5, until_s=5.5)})
    assert names(associator) == {"b:1": "P1000001"}


def test_two_runs_that_see_somebody_at_once_do_not_swap_ids() -> None:
    """Each has told the other; were both to give in, they would do so for ever."""
    associator = run([Visit("b", 1, 5, 2, 14)], {8.0: met_elsewhere("P1000001", 5, until_s=7.0)})
    assert names(associator) == {"b:1": "P0001"}
    assert "P1000001" in associator.people


def test_people_known_here_stay_as_they_are_and_who_was_dropped_does_not_return() -> None:
    told = associate([Visit("a", 1, 0, 0, 5), Visit("b", 1, 1, 6, 12)])
    people = told.associator.people
    before = people["P0001"].to_identity()
    told.associator.hear(met_elsewhere("P0001", 9, until_s=3.0))
    assert people["P0001"].to_identity() == before
    people["P0002"].leave(key("b:1"))
    people.remove("P0002")
    told.associator.hear(met_elsewhere("P0002", 1, until_s=3.0))
    assert "P0002" not in people


def test_who_is_no_more_elsewhere_is_forgotten_here() -> None:
    associator = Associator(RULES, Topology(), EMPTY)
    associator.hear(met_elsewhere("P1000001", 5, until_s=4.0))
    assert "P1000001" in associator.people
    associator.hear(GalleryChange((), (), ("P1000001",), 1))
    assert "P1000001" not in associator.people


def test_whom_a_hand_has_set_apart_stays_apart_while_the_gallery_is_silent() -> None:
    """While the database is away there is no news, which once read as if nobody had been set apart."""
    associator = Associator(RULES, Topology(), EMPTY)
    associator.hear(GalleryChange((), (), (), 1, never_same=frozenset({("P0001", "P0002")})))
    associator.hear(GalleryChange((), (), (), 0))
    assert associator.people.never_same == {("P0001", "P0002")}
