"""Worlds: what is drawn, what is seen of it, and that nothing depends on how it is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from reid_tools.footage.camera import Camera
from reid_tools.scenarios.catalogue import SCENES
from reid_tools.scenarios.filming import Filmed
from reid_tools.scenarios.layout import Area, Block, Crowd, Place, Scene, Watch
from reid_tools.scenarios.sensing import detect
from reid_tools.scenarios.sight import views
from reid_tools.scenarios.sites import corridor, square
from reid_tools.scenarios.walking import Walk, walks
from reid_tools.scenarios.world import World, make_world

WATCH = Watch(Camera("door", (0.0, 0.0, 3.0), (8.0, 0.0, 1.0), 80.0, 1280, 720), Area(0, -10, 20, 10))


def standing(x: float, y: float, height_m: float = 1.75) -> Walk:
    """Somebody who stands still for a hundred seconds."""
    return Walk(height_m, np.array([0.0, 100.0]), np.array([(x, y), (x, y)]), np.array([0.0, float("nan")]))


def short(scene: Scene, length_s: float = 6.0) -> Scene:
    return replace(scene, length_s=length_s, crowds=(Crowd(people=8, first_s=-30.0, last_s=0.0),))


def fingerprint(filmed: list[Filmed]) -> list[tuple[object, ...]]:
    return [
        (
            f.step.camera,
            f.step.timestamp_ns,
            f.step.tracked.xyxy.tobytes(),
            *(o.vector.tobytes() for o in f.step.observations),
        )
        for f in filmed
    ]


def film(world: World) -> list[Filmed]:
    return list(world.film(0.0, world.scene.length_s))


@pytest.mark.parametrize("name", SCENES)
def test_everybody_can_get_everywhere_in_every_scene(name: str) -> None:
    scene = SCENES[name]()
    for tuning in (True, False):
        planned = walks(
            replace(scene, crowds=tuple(replace(c, people=3) for c in scene.crowds)), np.random.default_rng(int(tuning))
        )
        assert all((np.diff(walk.time_s) > 0).all() for walk in planned)


def test_the_same_seed_gives_the_same_world_and_another_one_another() -> None:
    worlds = [make_world(short(square()), seed=seed, tuning=True) for seed in (0, 0, 1)]
    first, again, other = (fingerprint(film(world)) for world in worlds)
    assert first == again
    assert first != other


def test_worlds_for_tuning_share_nothing_with_reported_ones() -> None:
    tuning, reported = (make_world(short(square()), seed=0, tuning=flag) for flag in (True, False))
    assert tuning.seed[0] != reported.seed[0]
    assert not np.array_equal(tuning.walks[0].xy, reported.walks[0].xy)
    assert abs(float(tuning.wardrobe.person(0)[0] @ reported.wardrobe.person(0)[0])) < 0.6


def test_steps_come_in_the_order_of_a_journal_and_one_per_frame() -> None:
    world = make_world(short(corridor()), seed=0, tuning=True)
    filmed = film(world)
    times = [each.step.timestamp_ns for each in filmed]
    assert times == sorted(times)
    frames = Counter(each.step.camera for each in filmed)
    assert frames == {watch.camera.name: 60 for watch in world.scene.watches}
    for name in frames:
        assert [each.step.index for each in filmed if each.step.camera == name] == list(range(60))


def test_clocks_are_off_by_what_the_world_says() -> None:
    true = make_world(short(square(), 0.5), seed=0, tuning=True)
    off = make_world(replace(short(square(), 0.5), clock_spread_s=2.0), seed=0, tuning=True)
    ahead = [watch.clock_s for watch in off.scene.watches]
    assert max(ahead) <= 2.0
    assert len({round(clock, 6) for clock in ahead}) == 4

    def first_ns(world: World) -> dict[str, int]:
        return {each.step.camera: each.step.timestamp_ns for each in film(world) if each.step.index == 0}

    told, real = first_ns(off), first_ns(true)
    for watch in off.scene.watches:
        name = watch.camera.name
        assert told[name] - real[name] == pytest.approx(watch.clock_s * 1e9, abs=2.0)


def test_a_box_stands_where_the_homography_says() -> None:
    seen = views(WATCH, (), [standing(8.0, 1.0)], np.array([1.0]))
    x1, _, x2, y2 = seen.xyxy[0]
    floor = WATCH.camera.floor_homography() @ np.array([(x1 + x2) / 2, y2, 1.0])
    assert np.allclose(floor[:2] / floor[2], (8.0, 1.0), atol=0.05)
    assert seen.visible[0] == pytest.approx(1.0)


def test_nobody_is_seen_outside_of_the_area_or_while_away() -> None:
    people = [standing(25.0, 0.0), standing(8.0, 0.0), standing(-5.0, 0.0)]
    seen = views(WATCH, (), people, np.array([1.0, 200.0]))
    assert seen.person.tolist() == [1]
    assert seen.frame.tolist() == [0]


def test_who_stands_behind_somebody_or_something_is_less_visible() -> None:
    seen = views(WATCH, (), [standing(10.0, 0.0), standing(8.0, 0.1)], np.array([1.0]))
    assert seen.person.tolist() == [1, 0]  # the nearer one first
    assert seen.visible[0] == pytest.approx(1.0)
    assert seen.visible[1] < 0.5
    table = Block(Area(5.0, -2.0, 6.0, 2.0), 1.0)
    free, cut = (views(WATCH, blocks, [standing(8.0, 0.0)], np.array([1.0])) for blocks in ((), (table,)))
    assert cut.xyxy[0, 3] < free.xyxy[0, 3] - 20.0
    assert cut.visible[0] < 0.9


def test_hidden_people_are_missed_more_often_and_misses_come_in_runs() -> None:
    times = np.arange(0.0, 90.0, 0.1)
    seen = views(WATCH, (), [standing(10.0, 0.0), standing(8.0, 0.15)], times)
    found = detect(seen, WATCH.camera, frames=len(times), fps=10.0, rng=np.random.default_rng(0))
    near, far = (found.found[seen.person == person] for person in (1, 0))
    assert 0.9 < near.mean() < 1.0
    assert far.mean() < near.mean() - 0.15
    gaps = np.diff(np.flatnonzero(np.diff(far.astype(int)) != 0))
    assert gaps.mean() > 2.0
    height = seen.xyxy[:, 3] - seen.xyxy[:, 1]
    off = ((found.xyxy - seen.xyxy) / height[:, None])[seen.person == 1]
    assert 0.01 < off.std() < 0.06


def test_people_who_come_back_do_so_after_the_restart() -> None:
    world = make_world(SCENES["return"](), seed=0, tuning=True)
    (_, pause_s), (resume_s, end_s) = world.scene.shifts

    def there(walk: Walk, begin_s: float, until_s: float) -> bool:
        return bool(walk.at(np.arange(begin_s, until_s, 1.0)).present.any())

    back = sum(there(walk, 0.0, pause_s) and there(walk, resume_s, end_s) for walk in world.walks)
    assert back >= 14
    assert resume_s - pause_s > 3000.0


def test_a_scene_names_only_places_that_are_joined() -> None:
    with pytest.raises(ValueError, match="look at \\['island'\\]"):
        replace(square(), places=square().places | {"island": Place((0, 0))})
