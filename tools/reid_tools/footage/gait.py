"""How people walk, stand and talk: a pose for every phase of the step.

The feet lead. While a foot is on the floor it moves back under the body exactly as fast as the body moves on, so it
does not slide; the legs follow by inverse kinematics and the trunk and arms swing against them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reid_tools.footage.body import JOINTS
from reid_tools.footage.geometry import Array, rotation_about
from reid_tools.footage.pose import FORWARD, Pose, aim, bend_leg

STANCE = 0.61  # share of a stride that a foot spends on the floor
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class GaitStyle:
    """What makes one person's walk their own. Angles in degrees, lengths in metres.

    `stride_per_leg` is the length of two steps at 1.35 m/s over the length of a leg; `bounce` is the share of the rise
    and fall of a stiff-legged walk that remains.
    """

    stride_per_leg: float = 1.53
    arm_swing_deg: float = 24.0
    elbow_bend_deg: float = 22.0
    arm_spread_deg: float = 9.0
    lean_deg: float = 3.0
    bounce: float = 0.75
    sway_m: float = 0.02
    toe_out_deg: float = 7.0
    stance_width_m: float = 0.09
    head_down_deg: float = 4.0
    restlessness: float = 1.0
    seed: int = 0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> GaitStyle:
        """A random but plausible walk."""
        return cls(
            stride_per_leg=float(rng.uniform(1.45, 1.62)),
            arm_swing_deg=float(rng.uniform(14, 32)),
            elbow_bend_deg=float(rng.uniform(12, 38)),
            arm_spread_deg=float(rng.uniform(6, 12)),
            lean_deg=float(rng.uniform(0, 6)),
            bounce=float(rng.uniform(0.65, 0.85)),
            sway_m=float(rng.uniform(0.012, 0.03)),
            toe_out_deg=float(rng.uniform(3, 12)),
            stance_width_m=float(rng.uniform(0.07, 0.11)),
            head_down_deg=float(rng.uniform(0, 14)),
            restlessness=float(rng.uniform(0.6, 1.3)),
            seed=int(rng.integers(1 << 31)),
        )


@dataclass(frozen=True, slots=True)
class Motion:
    """The moment to pose: `phase` counts strides, `gesture` is how much the person talks with the hands, 0..1."""

    phase: float
    speed_mps: float
    time_s: float
    gesture: float = 0.0


def stride_m(style: GaitStyle, leg_m: float, speed_mps: float) -> float:
    """The length of a stride (two steps); it grows with the square root of the speed, as the step rate does."""
    return style.stride_per_leg * leg_m * math.sqrt(max(speed_mps, 0.02) / 1.35)


def leg_length_m(joints: Array) -> float:
    """Hip to ankle of a body with joints (18, 3)."""
    hip, knee, ankle = (joints[JOINTS.index(name)] for name in ("thigh.L", "shank.L", "foot.L"))
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def foot_path(cycle: float, stride: float) -> tuple[float, float, float]:
    """Where an ankle is at `cycle`, 0..1 from heel strike: m ahead of the hip, m lifted, pitch in rad (toe up)."""
    if cycle < STANCE:
        push = float(np.clip((cycle - 0.40) / (STANCE - 0.40), 0, 1)) ** 1.5
        strike = 0.3 * max(0.0, 1 - cycle / 0.08)
        return _over_ball(stride * (STANCE / 2 - cycle), 0.0, strike - 0.75 * push)
    swing = (cycle - STANCE) / (1 - STANCE)
    # leaves and meets the floor at the floor's own speed, so that nothing jerks
    slope = (1 - STANCE) / STANCE
    ease = swing**2 * (3 - 2 * swing) - slope * swing * (1 - swing) * (1 - 2 * swing)
    pitch = -0.75 * (1 - swing) ** 2 * (1 - 0.5 * swing) + 0.3 * swing**2
    return _over_ball(stride * STANCE * (ease - 0.5), 0.06 * float(np.sin(np.pi * swing)) ** 2, pitch)


def _over_ball(ahead: float, lift: float, pitch: float) -> tuple[float, float, float]:
    """The same for a foot whose heel rises about the ball of the foot, 13 cm ahead of the ankle and 5 cm below it."""
    rise = max(0.0, -pitch)
    s, c = float(np.sin(rise)), float(np.cos(rise))
    return ahead + 0.13 * (1 - c) + 0.05 * s, lift + 0.13 * s - 0.05 * (1 - c), pitch


def pose_at(joints: Array, style: GaitStyle, motion: Motion) -> Pose:
    """The pose of a body whose joints at rest are (18, 3)."""
    walk = float(np.clip(motion.speed_mps / 0.7, 0, 1))
    turn = 2 * np.pi * motion.phase
    drift = _wander(style.seed, motion.time_s) * style.restlessness
    rotations = np.broadcast_to(np.eye(3, dtype=np.float32), (len(JOINTS), 3, 3)).copy()
    # the left foot strikes at phase 0, when the left side of the pelvis is ahead
    yaw = np.radians(6) * walk * np.cos(turn)
    lean = np.radians(style.lean_deg) * (0.3 + 0.7 * walk)
    rotations[0] = rotation_about(Z, -yaw) @ rotation_about(
        Y, 0.04 * walk * np.sin(turn) + 0.03 * (1 - walk) * drift[0]
    )
    chest = rotation_about(Z, 1.1 * yaw + 0.05 * (1 - walk) * drift[1]) @ rotation_about(X, lean + 0.015 * drift[2])
    rotations[1] = rotation_about(X, lean * 0.5)
    rotations[2] = chest
    look = 0.10 * walk * drift[3] + 0.35 * (1 - walk) * drift[3]
    rotations[4] = rotation_about(Z, look) @ rotation_about(X, np.radians(style.head_down_deg) + 0.06 * drift[4])
    rotations[3] = rotation_about(Z, look * 0.4) @ rotation_about(X, lean)
    pelvis = _place_legs(joints, style, motion, rotations, drift)
    _swing_arms(joints, style, motion, rotations, drift)
    return Pose(rotations, pelvis)


def _wander(seed: int, time_s: float) -> Array:
    """Eight slow, smooth numbers around 0 (about -1..1) that belong to this person and moment."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.15, 0.5, (8, 3)) * (1.0, 1.7, 2.9)
    phase = rng.uniform(0, 2 * np.pi, (8, 3))
    return np.asarray((np.sin(rate * 2 * np.pi * time_s + phase) * (0.6, 0.3, 0.15)).sum(axis=1), np.float32)


def _place_legs(joints: Array, style: GaitStyle, motion: Motion, rotations: Array, drift: Array) -> Array:
    """Fill in the rotations of the legs; returns where the pelvis is."""
    leg = leg_length_m(joints)
    walk = float(np.clip(motion.speed_mps / 0.7, 0, 1))
    stride = stride_m(style, leg, motion.speed_mps) * float(np.clip(motion.speed_mps / 0.15, 0, 1))
    turn = 2 * np.pi * motion.phase
    index = {name: JOINTS.index(name) for name in JOINTS}
    hips = {side: joints[index[f"thigh.{side}"]] - joints[0] for side in "LR"}
    ankle_height = float(joints[index["foot.L"]][2])
    # the straight leg carries the body over an arc: high when the legs pass each other, low when both feet are down
    arc = leg - np.sqrt(leg**2 - min(0.5 * STANCE * stride, 0.6 * leg) ** 2)
    height = ankle_height + 0.99 * leg - float(hips["L"][2]) - arc * (0.06 + style.bounce * (1 + np.cos(2 * turn)) / 2)
    # the weight is over the left foot while it carries, a quarter of a stride after its heel strikes
    side_shift = style.sway_m * walk * np.sin(turn) + 0.02 * (1 - walk) * drift[0]
    pelvis = np.array([side_shift, 0.012 * (1 - walk) * drift[5], height], np.float32)
    for side, sign, offset in (("L", 1.0, 0.0), ("R", -1.0, 0.5)):
        ahead, lift, pitch = foot_path((motion.phase + offset) % 1.0, stride)
        lift, pitch = lift * walk, pitch * walk
        width = style.stance_width_m * (1 + 0.35 * (1 - walk))
        ankle = np.array([sign * width, -ahead - 0.01, ankle_height + lift], np.float32)
        hip = pelvis + rotations[0] @ hips[side]
        thigh_m = float(np.linalg.norm(joints[index[f"shank.{side}"]] - joints[index[f"thigh.{side}"]]))
        toe_out = rotation_about(Z, sign * np.radians(style.toe_out_deg))
        thigh, shank = bend_leg(hip, ankle, thigh_m, leg - thigh_m, forward=toe_out @ FORWARD)
        rotations[index[f"thigh.{side}"]] = aim(joints, f"thigh.{side}", f"shank.{side}", thigh)
        rotations[index[f"shank.{side}"]] = aim(joints, f"shank.{side}", f"foot.{side}", shank)
        rotations[index[f"foot.{side}"]] = toe_out @ rotation_about(X, -pitch)
    return pelvis


def _swing_arms(joints: Array, style: GaitStyle, motion: Motion, rotations: Array, drift: Array) -> None:
    """Fill in the rotations of the arms, which swing against the legs."""
    walk = float(np.clip(motion.speed_mps / 0.7, 0, 1))
    turn = 2 * np.pi * motion.phase
    vigour = walk * float(np.clip(motion.speed_mps / 1.3, 0.5, 1.2))
    chest = rotations[2]
    for side, sign, lag in (("L", 1.0, np.pi), ("R", -1.0, 0.0)):
        index = {name: JOINTS.index(f"{name}.{side}") for name in ("arm", "forearm", "hand")}
        talk = motion.gesture * (0.55 + 0.45 * float(drift[6 if side == "L" else 7]))
        swing = (
            np.radians(style.arm_swing_deg) * vigour * np.cos(turn + lag) + np.radians(4) + 0.06 * (1 - walk) * drift[6]
        )
        swing += 0.35 * talk
        spread = sign * np.radians(style.arm_spread_deg)
        bend = np.radians(style.elbow_bend_deg) * (0.6 + 0.4 * vigour * (1 + np.cos(turn + lag)) / 1.4) + 1.5 * talk
        upper = np.array([np.sin(spread), -np.sin(swing) * np.cos(spread), -np.cos(swing) * np.cos(spread)])
        lower = np.array([np.sin(spread) * 0.4 - sign * 0.25 * talk, -np.sin(swing + bend), -np.cos(swing + bend)])
        rotations[index["arm"]] = chest @ aim(joints, f"arm.{side}", f"forearm.{side}", upper.astype(np.float32))
        rotations[index["forearm"]] = chest @ aim(joints, f"forearm.{side}", f"hand.{side}", lower.astype(np.float32))
        rotations[index["hand"]] = rotations[index["forearm"]]
