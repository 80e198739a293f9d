"""Paths, schedules and the gait."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reid_tools.footage.body import JOINTS
from reid_tools.footage.gait import STANCE, GaitStyle, Motion, foot_path, leg_length_m, pose_at, stride_m
from reid_tools.footage.geometry import Array
from reid_tools.footage.planning import CLEARANCE_M, Walker, plan
from reid_tools.footage.plaza import plaza
from reid_tools.footage.pose import bend_leg, joint_positions, skin
from reid_tools.footage.props import blocked
from reid_tools.footage.scene import Place
from reid_tools.footage.walking import Errand, Wait, follow, lay_path

STYLE = GaitStyle()
LEG_M = 0.8


def skeleton() -> Array:
    """Joints (18, 3) of a person of 1.7 m in the rest pose: arms held away, facing -y."""
    places: dict[str, tuple[float, float, float]] = {
        "pelvis": (0, 0, 0.95),
        "spine": (0, 0, 1.02),
        "chest": (0, 0, 1.15),
        "neck": (0, 0, 1.42),
    }
    places["head"] = (0, -0.03, 1.52)
    for side, sign in (("L", 1), ("R", -1)):
        places[f"arm.{side}"] = (0.17 * sign, 0, 1.35)
        places[f"forearm.{side}"] = (0.35 * sign, 0, 1.15)
        places[f"hand.{side}"] = (0.47 * sign, -0.1, 1.0)
        places[f"thigh.{side}"] = (0.1 * sign, 0, 0.88)
        places[f"shank.{side}"] = (0.12 * sign, -0.02, 0.48)
        places[f"foot.{side}"] = (0.14 * sign, 0, 0.08)
    return np.array([places[name] for name in JOINTS], np.float32)


def ankles(phase: float, *, speed: float) -> Array:
    joints = skeleton()
    placed = joint_positions(joints, pose_at(joints, STYLE, Motion(phase, speed, 0.0)))
    return placed[[JOINTS.index("foot.L"), JOINTS.index("foot.R")]]


def test_a_standing_foot_does_not_slide() -> None:
    """While the left foot is flat on the floor, it moves back as fast as the body moves on."""
    leg = leg_length_m(skeleton())
    stride = stride_m(STYLE, leg, 1.3)
    phases = np.linspace(0.1, 0.38, 15)
    in_world = [phase * stride - ankles(phase, speed=1.3)[0, 1] for phase in phases]
    assert np.ptp(in_world) < 0.01


def test_feet_stay_above_the_floor_and_touch_it() -> None:
    heights = np.array([ankles(phase, speed=1.3)[:, 2] for phase in np.linspace(0, 1, 40)])
    assert heights.min() > 0.07
    assert (heights.min(axis=1) < 0.115).all()


def test_the_right_foot_follows_half_a_stride_later() -> None:
    left, right = ankles(0.2, speed=1.3)[0], ankles(0.7, speed=1.3)[1]
    assert right[1] == pytest.approx(left[1], abs=1e-3)
    assert right[0] == pytest.approx(-left[0], abs=0.02)


@pytest.mark.parametrize("cycle", [STANCE, 1.0])
def test_the_path_of_a_foot_has_no_jumps(cycle: float) -> None:
    before, after = foot_path(cycle - 1e-6, 1.3), foot_path((cycle + 1e-6) % 1.0, 1.3)
    np.testing.assert_allclose(before, after, atol=1e-3)


def test_arms_swing_against_the_legs() -> None:
    joints = skeleton()
    placed = joint_positions(joints, pose_at(joints, STYLE, Motion(0.0, 1.3, 0.0)))
    ahead = {name: -placed[JOINTS.index(name), 1] for name in JOINTS}
    assert ahead["foot.L"] > ahead["foot.R"]
    assert ahead["hand.R"] > ahead["hand.L"]


def test_who_stands_is_never_frozen() -> None:
    joints = skeleton()
    first, second = (joint_positions(joints, pose_at(joints, STYLE, Motion(0.3, 0.0, t))) for t in (0.0, 0.5))
    moved = np.linalg.norm(first - second, axis=1)
    assert moved.max() > 1e-3
    assert moved[JOINTS.index("foot.L")] < 0.01


def test_styles_are_drawn_from_the_generator() -> None:
    first, again, other = (GaitStyle.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_leg_reaches_its_ankle_with_the_knee_in_front() -> None:
    hip, ankle = np.array([0, 0, 0.85], np.float32), np.array([0, -0.2, 0.15], np.float32)
    thigh, shank = bend_leg(hip, ankle, 0.4, 0.4, forward=np.array([0, -1, 0], np.float32))
    knee = hip + 0.4 * thigh
    np.testing.assert_allclose(knee + 0.4 * shank, ankle, atol=1e-5)
    assert knee[1] < (hip[1] + ankle[1]) / 2


def test_a_leg_that_cannot_reach_is_straight() -> None:
    far = np.array([0, 0, -3], np.float32)
    thigh, shank = bend_leg(np.zeros(3, np.float32), far, 0.4, 0.4, forward=np.array([0, -1, 0], np.float32))
    assert thigh @ shank > 0.99


def test_skin_follows_its_joint() -> None:
    joints = skeleton()
    pose = pose_at(joints, STYLE, Motion(0.4, 1.3, 0.0))
    weights = np.eye(len(JOINTS), dtype=np.float32)
    np.testing.assert_allclose(skin(joints, weights, joints, pose), joint_positions(joints, pose), atol=1e-5)


def test_a_path_passes_near_its_points_in_order() -> None:
    path = lay_path(Errand(((0, 0), (5, 0), (5, 5), (0, 5))))
    assert (np.diff(path.marks) > 0).all()
    for mark, point in zip(path.marks, ((0, 0), (5, 0), (5, 5), (0, 5)), strict=True):
        assert np.linalg.norm(np.subtract(path.at(float(mark)), point)) < 1.0
    assert lay_path(Errand(((0, 0), (5, 0)), lateral_m=0.5)).at(2.0)[1] == pytest.approx(-0.5)


def test_walking_keeps_its_speed_and_phase_in_step() -> None:
    track = follow(Errand(((0, 0), (60, 0)), speed_mps=1.2), STYLE, LEG_M, frames=100, fps=10)
    steps = np.diff(track.xy[:, 0]) * 10
    np.testing.assert_allclose(steps[10:], 1.2, atol=1e-6)
    strides = np.diff(track.phase)[10:] * stride_m(STYLE, LEG_M, 1.2) * 10
    np.testing.assert_allclose(strides, 1.2, atol=1e-6)
    assert (track.waiting == -1).all()


def test_a_wait_stops_turns_and_goes_on() -> None:
    errand = Errand(((0, 0), (4, 0), (12, 0)), (Wait(1, 3.0, face_rad=np.pi / 2, talk=True),))
    track = follow(errand, STYLE, LEG_M, frames=140, fps=10)
    waiting = np.flatnonzero(track.waiting == 0)
    assert 28 <= len(waiting) <= 33
    assert np.ptp(track.xy[waiting, 0]) < 0.02
    assert track.xy[waiting[0], 0] == pytest.approx(4, abs=0.1)
    assert track.heading_rad[waiting[-1]] == pytest.approx(np.pi / 2, abs=0.05)
    assert track.gesture[waiting].max() > 0.9
    assert track.xy[-1, 0] > 9
    assert np.abs(np.diff(track.speed_mps)).max() < 0.4


def test_an_errand_may_begin_before_or_after_the_first_frame() -> None:
    early = follow(Errand(((0, 0), (60, 0)), start_s=-5.0, speed_mps=1.0), STYLE, LEG_M, frames=10, fps=10)
    late = follow(Errand(((0, 0), (60, 0)), start_s=0.5, speed_mps=1.0), STYLE, LEG_M, frames=10, fps=10)
    assert early.xy[0, 0] == pytest.approx(5.0, abs=0.05)
    assert late.xy[5, 0] == 0
    assert late.xy[9, 0] > 0.2


def test_a_plan_is_repeatable_and_keeps_people_apart() -> None:
    scene = replace(plaza(), frames=150)
    walkers = [Walker(GaitStyle.sample(np.random.default_rng(n)), LEG_M) for n in range(5)]

    def seen(camera: int, xy: np.ndarray) -> np.ndarray:
        pixel, depth = scene.cameras[camera].project(np.concatenate([xy, np.ones((len(xy), 1))], axis=1))
        inside = (pixel > 0).all(axis=1) & (pixel[:, 0] < 640) & (pixel[:, 1] < 360)
        return np.asarray(inside & (depth > 1) & (depth < 15))

    first, again = (plan(scene, walkers, seen, candidates=12) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.xy, b.xy)
    gaps = [np.linalg.norm(a.xy - b.xy, axis=1).min() for i, a in enumerate(first) for b in first[:i]]
    assert min(gaps) > 0.6 * CLEARANCE_M
    assert first[3].gesture.max() > 0  # the fourth person meets somebody


def test_every_place_of_the_plaza_can_be_reached() -> None:
    scene, found = plaza(), {"court centre"}
    for _ in scene.places:
        found |= {name for way in scene.ways if found & set(way) for name in way}
    assert found == set(scene.places)


def test_a_place_without_a_way_is_refused() -> None:
    with pytest.raises(ValueError, match=r"every place needs a way.*\['island'\]"):
        replace(plaza(), places={**plaza().places, "island": Place((0, 0))})


def test_ways_of_the_plaza_are_free_of_props() -> None:
    scene = plaza()
    for a, b in scene.ways:
        line = np.linspace(scene.places[a].at, scene.places[b].at, 40)
        assert not blocked(scene.props, line, margin_m=0.15).any(), (a, b)
