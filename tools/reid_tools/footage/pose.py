"""From joint rotations to posed vertices: forward kinematics, two-bone legs, linear blend skinning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reid_tools.footage.body import JOINTS, PARENTS
from reid_tools.footage.geometry import Array, rotation_between

FORWARD = np.array([0.0, -1.0, 0.0], np.float32)


@dataclass(frozen=True, slots=True)
class Pose:
    """How a body is held, in its own frame, whose origin is on the floor below it.

    `rotations` (18, 3, 3) turn each joint of `JOINTS` from its orientation at rest; `pelvis` (3,) is where that joint
    lies.
    """

    rotations: Array
    pelvis: Array


def joint_positions(joints: Array, pose: Pose) -> Array:
    """Where the joints (18, 3) of a body at rest lie in that pose, in the frame of the body."""
    placed = np.empty_like(joints)
    for index, parent in enumerate(PARENTS):
        if parent < 0:
            placed[index] = pose.pelvis
        else:
            placed[index] = placed[parent] + pose.rotations[parent] @ (joints[index] - joints[parent])
    return placed


def skin(vertices: Array, weights: Array, joints: Array, pose: Pose) -> Array:
    """The vertices (V, 3) of a body at rest in that pose, in the frame of the body."""
    placed = joint_positions(joints, pose)
    shift = placed - np.einsum("jab,jb->ja", pose.rotations, joints)
    transform = np.concatenate([pose.rotations, shift[:, :, None]], axis=2).reshape(len(joints), 12)
    blended = (weights @ transform.astype(np.float32)).reshape(-1, 3, 4)
    return np.asarray(np.einsum("vab,vb->va", blended[:, :, :3], vertices) + blended[:, :, 3], np.float32)


def aim(joints: Array, joint: str, child: str, direction: Array) -> Array:
    """The rotation (3, 3) that turns the segment from `joint` to `child` from rest into `direction` (3,)."""
    rest = joints[JOINTS.index(child)] - joints[JOINTS.index(joint)]
    return rotation_between(rest, direction)


def bend_leg(hip: Array, ankle: Array, thigh_m: float, shank_m: float, *, forward: Array) -> tuple[Array, Array]:
    """Directions (3,) of thigh and shank that bring the ankle to its place with the knee towards `forward`.

    An ankle out of reach is approached with a leg that is straight but for a trace of bend.
    """
    span = ankle - hip
    distance = float(np.linalg.norm(span))
    down = span / distance
    reach = min(distance, 0.999 * (thigh_m + shank_m))
    cosine = (thigh_m**2 + reach**2 - shank_m**2) / (2 * thigh_m * reach)
    cosine = float(np.clip(cosine, -1.0, 1.0))
    across = forward - (forward @ down) * down
    across = across / np.linalg.norm(across)
    thigh = down * cosine + across * np.sqrt(1 - cosine**2)
    shank = down * reach - thigh * thigh_m
    return thigh.astype(np.float32), (shank / np.linalg.norm(shank)).astype(np.float32)
