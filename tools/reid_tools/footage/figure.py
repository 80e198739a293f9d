"""Dressing a body: the mesh of a person at rest, ready to be posed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from reid_tools.footage.body import Body
from reid_tools.footage.cloth import BODY, hairline, paint, scarf_zone, zones
from reid_tools.footage.geometry import Array, Faces, Mesh, Surface, rotation_z, smoothstep, vertex_normals
from reid_tools.footage.pieces import HEAD_CENTRE, Piece, pieces_of
from reid_tools.footage.pose import Pose, skin
from reid_tools.footage.wardrobe import Look

# how far hair stands off the head, in metres
HAIR_VOLUME_M = {
    "bald": 0.0,
    "buzz": 0.004,
    "short": 0.016,
    "medium": 0.026,
    "afro": 0.062,
    "bob": 0.024,
    "long": 0.018,
    "ponytail": 0.010,
    "bun": 0.010,
}
HAT_VOLUME_M = {"cap": 0.022, "beanie": 0.03, "brim": 0.026, "scarf": 0.016}


@dataclass(frozen=True, slots=True)
class Figure:
    """A dressed person at rest: vertices (V, 3), faces (F, 3), weights (V, 18), coords (V, 5) and joints (18, 3)."""

    vertices: Array
    faces: Faces
    weights: Array
    coords: Array
    joints: Array
    surface: Surface

    def mesh(self, pose: Pose, *, position: tuple[float, float], heading_rad: float) -> Mesh:
        """The figure in that pose, standing at `position` (metres) and facing `heading_rad` (0 is +x)."""
        posed = skin(self.vertices, self.weights, self.joints, pose)
        # a body at rest faces -y
        world = posed @ rotation_z(heading_rad + np.pi / 2).T
        world[:, :2] += np.asarray(position, np.float32)
        return Mesh(world.astype(np.float32), self.faces, self.coords, self.surface, smooth=True)


def dress(body: Body, look: Look) -> Figure:
    """The figure of `body` wearing `look`."""
    vertices = _padded(body, look)
    coords = np.concatenate([body.reference, np.full((len(vertices), 1), BODY, np.float32)], axis=1)
    pieces = [Piece(vertices, body.faces, body.weights, coords), *pieces_of(body, vertices, look)]
    offsets = np.cumsum([0, *(len(piece.vertices) for piece in pieces[:-1])])
    return Figure(
        np.concatenate([piece.vertices for piece in pieces]).astype(np.float32),
        np.concatenate([piece.faces + start for piece, start in zip(pieces, offsets, strict=True)]).astype(np.int32),
        np.concatenate([piece.weights for piece in pieces]).astype(np.float32),
        np.concatenate([piece.coords for piece in pieces]).astype(np.float32),
        body.joints,
        paint(look),
    )


def _padded(body: Body, look: Look) -> Array:
    """The vertices (V, 3) of the body, smoothed under clothes and pushed out by their thickness and by the hair."""
    zone = zones(body.reference, look)
    clothed = zone.top | zone.inner | zone.bottom | zone.shoes
    z = body.reference[:, 2]
    vertices = _smoothed(body, np.where(clothed, 0.7, 0.0).astype(np.float32), rounds=10)
    normals = vertex_normals(vertices, body.faces)
    pad = np.where(zone.top, look.top.thickness_m, 0.0)
    pad = np.where(zone.inner, 0.6 * look.top.thickness_m, pad)
    loose = 0.010 + look.bottom.loose_m * smoothstep(z, 0.9, 0.25) * (not look.bottom.skirt)
    pad = np.where(zone.bottom, loose, pad)
    pad = np.where(zone.shoes, 0.012, pad).astype(np.float32)
    if look.scarf is not None:
        pad[scarf_zone(body.reference)] = 0.035
    pad = _spread(body, pad, rounds=2)
    return vertices + normals * pad[:, None] + _hair_offset(body, look)


def _hair_offset(body: Body, look: Look) -> Array:
    """How far (V, 3) hair or a hat moves the vertices of the head outwards."""
    inside = hairline(body.reference)
    volume = HAIR_VOLUME_M[look.hair_style] * smoothstep(inside, 0.0, 0.03)
    if look.hat is not None:
        crown = smoothstep(body.reference[:, 2], 1.54, 1.57) if look.hat.kind != "scarf" else np.ones(len(inside))
        volume = np.where(crown > 0, np.maximum(np.minimum(volume, 0.02), HAT_VOLUME_M[look.hat.kind]) * crown, volume)
        reach = smoothstep(inside, -0.02, 0.02) if look.hat.kind != "scarf" else zones(body.reference, look).headscarf
        volume = volume * np.maximum(reach, 0.0)
    outward = body.reference[:, :3] - HEAD_CENTRE
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    ripple = 1 + 0.12 * np.sin(60 * body.reference[:, 0] + look.seed) * np.sin(55 * body.reference[:, 2])
    return np.asarray(outward * (volume * ripple)[:, None], np.float32)


@lru_cache(maxsize=2)
def _neighbours(faces_bytes: bytes, count: int) -> sparse.csr_matrix:
    """The matrix (V, V) that averages over the neighbours of each vertex."""
    faces = np.frombuffer(faces_bytes, np.int32).reshape(-1, 3)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    links = sparse.csr_matrix((np.ones(len(ends), np.float32), (ends[:, 0], ends[:, 1])), shape=(count, count))
    links.data[:] = 1.0
    degree = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1.0)
    return sparse.diags(1.0 / degree).astype(np.float32) @ links


def _smoothed(body: Body, strength: Array, *, rounds: int) -> Array:
    """The body's vertices pulled towards the mean of their neighbours, each by its `strength` (V,)."""
    average = _neighbours(body.faces.tobytes(), len(body.vertices))
    vertices = body.vertices
    for _ in range(rounds):
        vertices = vertices + strength[:, None] * (average @ vertices - vertices)
    return np.asarray(vertices, np.float32)


def _spread(body: Body, values: Array, *, rounds: int) -> Array:
    """`values` (V,) blurred over the surface."""
    average = _neighbours(body.faces.tobytes(), len(body.vertices))
    for _ in range(rounds):
        values = 0.5 * values + 0.5 * (average @ values)
    return np.asarray(values, np.float32)
