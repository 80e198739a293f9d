"""Naked bodies of any build from the parametric model `anny`, reduced to a skeleton of 18 joints.

A body faces -y, with its left side at +x and its soles at z = 0. Beside its own vertices it carries where the same
vertices lie on a *reference* body of average build: garments, hairlines and patterns are cut out there, so one cut
fits everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid_tools.footage.extras import footage_module
from reid_tools.footage.geometry import Array, Faces, smoothstep

# name -> (parent, the bone of anny whose head is the joint, prefixes of the bones that move with it)
SKELETON: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    "pelvis": (None, "root", ("root", "pelvis.", "spine05")),
    "spine": ("pelvis", "spine04", ("spine04", "spine03")),
    "chest": ("spine", "spine02", ("spine02", "spine01", "clavicle.", "shoulder01.")),
    "neck": ("chest", "neck01", ("neck0",)),
    "head": ("neck", "head", ("head", "eye.")),
    **{
        f"{name}.{side}": (
            f"{parent}.{side}" if parent in {"arm", "forearm", "thigh", "shank"} else parent,
            bone,
            moved,
        )
        for side in "LR"
        for name, parent, bone, moved in (
            ("arm", "chest", f"upperarm01.{side}", (f"upperarm01.{side}", f"upperarm02.{side}")),
            ("forearm", "arm", f"lowerarm01.{side}", (f"lowerarm01.{side}", f"lowerarm02.{side}")),
            ("hand", "forearm", f"wrist.{side}", tuple(f"{b}{side}" for b in ("wrist.",))),
            ("thigh", "pelvis", f"upperleg01.{side}", (f"upperleg01.{side}", f"upperleg02.{side}")),
            ("shank", "thigh", f"lowerleg01.{side}", (f"lowerleg01.{side}", f"lowerleg02.{side}")),
            ("foot", "shank", f"foot.{side}", (f"foot.{side}",)),
        )
    },
}
JOINTS = tuple(SKELETON)
PARENTS = tuple(JOINTS.index(parent) if parent else -1 for parent, _, _ in SKELETON.values())

# Landmarks of the reference body: metres above the floor.
REFERENCE_WAIST, REFERENCE_HIP, REFERENCE_KNEE, REFERENCE_ANKLE = 1.0, 0.86, 0.47, 0.07
REFERENCE_EYES, REFERENCE_SHOULDER = 1.516, 1.29


@dataclass(frozen=True, slots=True)
class Build:
    """The shape of a body in the terms of anny, each 0..1 with 0.5 as the average; `gender` 0 is male, 1 female.

    `age` 0.67 is a young adult and 1.0 an old one.
    """

    gender: float = 0.5
    age: float = 0.67
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    african: float = 0.5
    asian: float = 0.5
    caucasian: float = 0.5


REFERENCE = Build(age=0.5)


@dataclass(frozen=True, slots=True)
class Body:
    """A body at rest.

    Attributes:
        vertices: float32 (V, 3) metres.
        faces: int32 (F, 3).
        weights: float32 (V, 18), how much each vertex follows each joint of `JOINTS`; rows sum to 1.
        joints: float32 (18, 3) metres.
        reference: float32 (V, 4), the vertex on the reference body and how far along the arm it lies
            (0 shoulder, 1 elbow, 2 wrist, negative on the trunk).
    """

    vertices: Array
    faces: Faces
    weights: Array
    joints: Array
    reference: Array

    @property
    def height_m(self) -> float:
        return float(self.vertices[:, 2].max())


class BodyModel:
    """Makes bodies; loading takes about half a minute.

    Raises:
        MissingExtra: torch or anny is not installed.
    """

    def __init__(self) -> None:
        self._torch = footage_module("torch")
        # plain skinning: only rest shapes are asked for, and the default compiles a kernel first
        self._model = footage_module("anny").Anny(phenotypes="all", skinning_method="lbs").to(dtype=self._torch.float32)
        labels = list(self._model.bone_labels)
        self._heads = [labels.index(bone) for _, bone, _ in SKELETON.values()]
        owner = np.array([_owner(labels, self._model.bone_parents, bone) for bone in range(len(labels))])
        self._weights = self._joint_weights(owner)
        self._faces = self._model.faces.numpy().astype(np.int32)
        vertices, joints = self._rest(REFERENCE)
        self._reference = np.concatenate([vertices, _along_arm(vertices, joints, self._weights)[:, None]], axis=1)

    def body(self, build: Build) -> Body:
        """The body of that build."""
        vertices, joints = self._rest(build)
        return Body(vertices, self._faces, self._weights, joints, self._reference)

    def _joint_weights(self, owner: NDArray[np.int64]) -> Array:
        weights = self._model.vertex_bone_weights.numpy()
        joint = owner[self._model.vertex_bone_indices.numpy()]
        dense = np.zeros((len(weights), len(JOINTS)), np.float32)
        np.add.at(dense, (np.arange(len(weights))[:, None], joint), weights)
        return np.asarray(dense / dense.sum(axis=1, keepdims=True), np.float32)

    def _rest(self, build: Build) -> tuple[Array, Array]:
        values = {name: float(getattr(build, name)) for name in Build.__slots__}
        with self._torch.no_grad():
            coefficients = self._model.get_phenotype_blendshape_coefficients(**values)
            rest = self._model.get_rest_model(coefficients)
        vertices = rest["rest_vertices"][0].numpy().astype(np.float32)
        joints = rest["rest_bone_heads"][0].numpy().astype(np.float32)[self._heads]
        sole = np.array([0, 0, vertices[:, 2].min()], np.float32)
        return vertices - sole, joints - sole


def _owner(labels: list[str], parents: list[int], bone: int) -> int:
    """The joint that a bone moves with: its own, or that of its nearest ancestor which has one."""
    while True:
        for joint, (_, _, prefixes) in enumerate(SKELETON.values()):
            if labels[bone].startswith(prefixes):
                return joint
        bone = parents[bone]


def _along_arm(vertices: Array, joints: Array, weights: Array) -> Array:
    """How far along the arm each vertex lies: 0 shoulder, 1 elbow, 2 wrist; -0.4 on the trunk."""
    along = np.full(len(vertices), -0.4, np.float32)
    for side in "LR":
        arm, forearm, hand = (JOINTS.index(f"{name}.{side}") for name in ("arm", "forearm", "hand"))
        on_arm = weights[:, [arm, forearm, hand]].sum(axis=1)
        upper, lower = joints[forearm] - joints[arm], joints[hand] - joints[forearm]
        first = (vertices - joints[arm]) @ upper / (upper @ upper)
        second = 1 + (vertices - joints[forearm]) @ lower / (lower @ lower)
        position = np.where(first < 1, first, np.maximum(second, 1.0))
        blend = smoothstep(on_arm, 0.05, 0.6)
        along += blend * (position + 0.4)
    return along
