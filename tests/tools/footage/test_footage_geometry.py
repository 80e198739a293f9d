"""Shapes, cameras and the sensor."""

from __future__ import annotations

import numpy as np
import pytest

from reid_tools.footage.camera import Camera, Sensor
from reid_tools.footage.geometry import (
    Shape,
    box,
    cylinder,
    ellipsoid,
    join,
    rotation_about,
    rotation_between,
    rotation_z,
    vertex_normals,
)
from reid_tools.footage.sensor import decode_srgb, develop, encode_srgb

CAMERA = Camera("gate", (3.0, -8.0, 3.5), (0.0, 0.0, 0.5), horizontal_fov_deg=60.0)


def volume(shape: Shape) -> float:
    """Signed volume of a closed shape: positive when its faces look outwards."""
    a, b, c = (shape.vertices[shape.faces[:, corner]].astype(float) for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def test_shapes_are_closed_and_have_their_size() -> None:
    assert abs(volume(box((2, 3, 4)))) == pytest.approx(24, rel=1e-5)
    assert abs(volume(cylinder(0.5, 2, sides=64))) == pytest.approx(np.pi * 0.25 * 2, rel=0.01)
    assert abs(volume(ellipsoid((1, 2, 0.5), sides=64))) == pytest.approx(4 / 3 * np.pi, rel=0.02)


def test_join_keeps_every_triangle() -> None:
    both = join([box((1, 1, 1)), box((1, 1, 1), centre=(5, 0, 0))])
    assert both.faces.shape == (24, 3)
    assert both.faces.max() == len(both.vertices) - 1
    assert abs(volume(both)) == pytest.approx(2, rel=1e-5)


def test_rotations() -> None:
    np.testing.assert_allclose(rotation_z(np.pi / 2) @ (1, 0, 0), (0, 1, 0), atol=1e-6)
    np.testing.assert_allclose(rotation_about((0, 0, 1), 0.3), rotation_z(0.3), atol=1e-6)
    source, target = np.array([0, 0, -2.0]), np.array([0.3, -0.5, -0.2])
    turn = rotation_between(source.astype(np.float32), target.astype(np.float32))
    np.testing.assert_allclose(turn @ source / 2, target / np.linalg.norm(target), atol=1e-5)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)


def test_normals_of_a_sphere_point_along_its_radii() -> None:
    sphere = ellipsoid((1, 1, 1), sides=40)
    away_from_poles = np.abs(sphere.vertices[:, 2]) < 0.9
    along = np.abs((vertex_normals(sphere.vertices, sphere.faces) * sphere.vertices).sum(axis=1))
    assert along[away_from_poles].min() > 0.99


def test_a_camera_looks_at_its_target() -> None:
    pixel, depth = CAMERA.project(np.array([CAMERA.target]))
    np.testing.assert_allclose(pixel[0], (320, 180), atol=1e-9)
    assert depth[0] == pytest.approx(np.linalg.norm(np.subtract(CAMERA.position, CAMERA.target)))


def test_up_in_the_world_is_up_in_the_picture() -> None:
    pixel, _ = CAMERA.project(np.array([[0, 0, 0.0], [0, 0, 1.8]]))
    assert pixel[1, 1] < pixel[0, 1]
    assert pixel[1, 0] == pytest.approx(pixel[0, 0], abs=1e-6)


def test_projection_rays_and_homography_agree() -> None:
    floor = np.array([[0.5, 1.0, 0.0], [-2.0, -1.0, 0.0], [1.5, 3.0, 0.0]])
    pixel, _ = CAMERA.project(floor)
    back = np.concatenate([pixel, np.ones((3, 1))], axis=1) @ CAMERA.floor_homography().T
    np.testing.assert_allclose(back[:, :2] / back[:, 2:], floor[:, :2], atol=1e-6)
    rays = CAMERA.rays(pixel[:, 0], pixel[:, 1]).astype(float)
    span = floor - CAMERA.position
    np.testing.assert_allclose(rays, span / np.linalg.norm(span, axis=1, keepdims=True), atol=1e-5)
    assert CAMERA.floor_homography()[2, 2] == 1


def test_srgb_round_trip() -> None:
    values = np.linspace(0, 1, 50, dtype=np.float32)
    np.testing.assert_allclose(decode_srgb(encode_srgb(values)), values, atol=1e-4)


def test_a_frame_keeps_its_noise_and_another_gets_its_own() -> None:
    light = np.full((24, 32, 3), 0.3, np.float32)
    first, again, other = (develop(light, Sensor(), seed=(1, 0, frame)) for frame in (0, 0, 1))
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_exposure_and_white_balance_reach_the_picture() -> None:
    light = np.full((24, 32, 3), 0.2, np.float32)
    plain = develop(light, Sensor(), seed=(1,)).mean(axis=(0, 1))
    warm = develop(light, Sensor(exposure=1.5, white_balance=(1.2, 1.0, 0.8)), seed=(1,)).mean(axis=(0, 1))
    assert warm[2] > warm[1] > warm[0]  # BGR
    assert warm[1] > plain[1]
