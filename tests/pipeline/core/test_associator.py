"""Who is who, on made-up sites where the truth is known."""

from __future__ import annotations

from dataclasses import replace

from made_up_site import EMPTY, RULES, Visit, associate, key, look, time_steps
from reid_pipeline.core.associator import Associator
from reid_pipeline.core.timeline import TimeStep
from reid_pipeline.core.topology import Topology, Travel
from reid_pipeline.types import GallerySnapshot, Identity, Prototype, State

WALK = [
    Visit("a", 1, person=0, start_s=0, end_s=4),
    Visit("a", 2, person=1, start_s=1, end_s=5),
    Visit("b", 1, person=0, start_s=6, end_s=9),
    Visit("b", 2, person=1, start_s=7, end_s=9),
    Visit("a", 3, person=0, start_s=11, end_s=14),
    Visit("b", 3, person=2, start_s=11, end_s=14),
]


def test_people_keep_their_identity_from_camera_to_camera_and_back() -> None:
    told = associate(WALK)
    expected = {"a:1": "P0001", "b:1": "P0001", "a:3": "P0001", "a:2": "P0002", "b:2": "P0002", "b:3": "P0003"}
    assert {str(k): v for k, v in told.live.items()} == expected
    assert told.final == told.live, "looking back changes nothing that was right"
    assert sorted(event.type for event in told.events) == ["linked"] * 3 + ["new"] * 3
    assert all(a.state is State.CONFIRMED for a in told.answers.values())


def test_each_tracklet_is_linked_to_the_persons_one_before_it() -> None:
    links = associate(WALK).links
    assert [(str(link.source), str(link.target)) for link in links] == [
        ("a:1", "b:1"),
        ("b:1", "a:3"),
        ("a:2", "b:2"),
    ]
    assert all(0.5 < link.score <= 1 and link.evidence["log_odds"] > 0 for link in links)


def test_a_track_has_an_answer_within_a_second() -> None:
    told = associate(WALK)
    for visit in WALK:
        assert told.first_answer_s[key(f"{visit.camera}:{visit.track_id}")] - visit.start_s <= 1.0


def test_a_single_look_is_answered_too_but_stays_provisional() -> None:
    told = associate([Visit("a", 1, 0, 0, 3, every_s=10), Visit("a", 2, 1, 0, 3)])
    assert told.answers[key("a:1")].state is State.PROVISIONAL


def test_two_tracks_of_one_camera_at_one_time_are_two_people_however_alike() -> None:
    told = associate([Visit("a", 1, 0, 0, 5), Visit("a", 2, 0, 1, 5)])
    assert told.live[key("a:1")] != told.live[key("a:2")]
    assert told.final[key("a:1")] != told.final[key("a:2")]


def test_a_person_is_in_two_cameras_at_once_only_where_these_may_overlap() -> None:
    visits = [Visit("a", 1, 0, 0, 5), Visit("b", 1, 0, 1, 5)]
    assert len(set(associate(visits).final.values())) == 1
    apart = Topology({"a": frozenset(), "b": frozenset()})
    told = associate(visits, topology=apart)
    assert len(set(told.live.values())) == len(set(told.final.values())) == 2


def test_travel_times_tell_twins_apart() -> None:
    visits = [Visit("a", 1, 0, 0, 5), Visit("b", 1, 0, 6, 9)]
    told = associate(visits, topology=Topology({}, {("a", "b"): Travel(3, 60)}))
    assert len(set(told.live.values())) == len(set(told.final.values())) == 2


def test_what_looked_like_somebody_new_is_merged_when_more_is_seen() -> None:
    """The first looks are bad enough to pass for a stranger; the good ones that follow correct the mistake."""
    poor = Visit("b", 1, 0, 6, 7, every_s=0.5, noise=0.4)
    clear = Visit("b", 1, 0, 7.1, 12)
    told = associate([Visit("a", 1, 0, 0, 5), poor, clear])
    assert told.live[key("b:1")] == told.live[key("a:1")]
    kinds = [event.type for event in told.events if event.tracklet == key("b:1")]
    assert kinds[0] == "new"
    assert kinds[-1] == "merged"
    merged = told.events[-1]
    assert (merged.identity, merged.other) == ("P0001", "P0002")
    assert [person.id for person in told.associator.people] == ["P0001"]


def test_a_person_known_to_the_gallery_is_recognised_and_numbers_go_on() -> None:
    known = Identity("P0007", State.CONFIRMED, ("a",), 0, 1)
    memory = Prototype("P0007", "a", 0, 0.9, look(0, 0.05, (1, 2, 3)))
    told = associate(WALK, snapshot=GallerySnapshot((known,), (memory,), 12))
    assert told.final[key("a:1")] == told.final[key("b:1")] == "P0007"
    assert told.final[key("a:2")] == "P0012"
    assert [e.type for e in told.events if e.tracklet == key("a:1")] == ["linked"]


def test_the_gallery_learns_everybody_confirmed_and_can_start_the_next_run() -> None:
    first = associate(WALK)
    change = first.associator.take_change()
    assert change is not None
    assert [identity.id for identity in change.identities] == ["P0001", "P0002", "P0003"]
    assert change.identities[0].cameras == ("a", "b")
    assert change.next_number == 4
    assert first.associator.take_change() is None, "nothing new since"
    snapshot = GallerySnapshot(change.identities, change.prototypes, change.next_number)
    again = associate(WALK, snapshot=snapshot)
    assert again.final == first.final
    assert again.associator.people.take_change() is not None


def test_a_person_who_turned_out_to_be_somebody_else_is_taken_back_from_the_gallery() -> None:
    told = associate([Visit("a", 1, 0, 0, 3), Visit("a", 2, 1, 0, 3)])
    change = told.associator.take_change()
    assert change is not None
    people = told.associator.people
    people.remove("P0002")
    taken_back = told.associator.take_change()
    assert taken_back is not None
    assert taken_back.removed == ("P0002",)


def test_decisions_and_memory_outside_the_window_are_settled() -> None:
    """A step after a day costs what it cost after a minute: tracks leave the window, the people stay known."""
    rules = replace(RULES, window_s=60.0)
    visits = [Visit("a", n, n % 3, 100.0 * n, 100.0 * n + 4) for n in range(1, 13)]
    told = associate(visits, rules=rules)
    assert len(told.associator.standings) == 1
    assert len(set(told.final.values())) == 3
    assert len(told.final) == 12
    assert all(told.final[key(f"a:{n}")] == told.final[key(f"a:{n + 3}")] for n in range(1, 10))
    assert len(told.links) == 12 - 3
    assert [str(one) for one in told.associator.assignments()] == ["a:12"], "the rest was told and is not kept"


def test_the_same_steps_give_the_same_answers() -> None:
    one, two = associate(WALK), associate(WALK)
    assert one.answers == two.answers
    assert one.events == two.events


def test_a_track_of_which_no_crop_was_taken_gets_no_identity() -> None:
    blind = Visit("a", 1, 0, start_s=0.05, end_s=5, every_s=0.7)
    steps = [TimeStep(s.start_ns, tuple(replace(c, observations=()) for c in s.steps)) for s in time_steps([blind])]
    associator = Associator(RULES, Topology(), EMPTY)
    for step in steps:
        associator.step(step)
    associator.finish()
    assert associator.assignments() == {}
    assert associator.identities() == []


def test_what_a_person_is_recognised_by_is_bounded_however_often_they_come() -> None:
    visits = [Visit("a", n, n % 2, 12.0 * n, 12.0 * n + 4) for n in range(1, 21)]
    told = associate(visits)
    assert len(set(told.final.values())) == 2
    assert len(told.associator.standings) == 20, "all are still within the window"
    for person in told.associator.people:
        assert len(person.members) == 10
        assert len(person.known) <= 32


def test_a_track_that_comes_back_after_a_rest_is_still_itself() -> None:
    """The tracker may keep a track for longer than it takes to come to rest."""
    first, again = Visit("a", 1, 0, 0, 4), Visit("a", 1, 0, 14, 18)
    told = associate([first, again, Visit("b", 1, 1, 0, 18)])
    assert told.final[key("a:1")] != told.final[key("b:1")]
    assert told.associator.people["P0001"].members[key("a:1")].observed == 18
    assert sum(event.tracklet == key("a:1") for event in told.events) == 1
