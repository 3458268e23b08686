"""Lenses: from a ray to its pixel and back, within the field that the lens's model is good for.

A model is a polynomial that was fitted to a field of view. Beyond it the polynomial turns back, and rays of far outside
would fall into the image again. A ray is (x, y), the point (x, y, 1) that it passes.
"""

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from epofusion_core.registration.calibration import CameraModel

Points = NDArray[np.float64]
"""(N, 2); NaN where there is none."""

_TABLE = 4096
_ROUNDS = 20
_CONVERGED_PX, _LARGEST_ERROR_PX = 0.01, 0.05


@np.errstate(all="ignore")
def project(camera: CameraModel, rays: Points) -> Points:
    """Return the pixels of rays, (N, 2); NaN for those beyond the field of the lens's model."""
    radius = np.linalg.norm(rays, axis=1)
    angle = _angle(camera, radius)
    stretch = np.divide(_radial(camera, angle), radius, out=np.ones_like(radius), where=radius > 0)
    bent = stretch[:, None] * rays
    if not camera.is_fisheye:
        bent = _tilted(camera, bent + _decentring(camera, rays, radius**2))
    pixels = bent @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]
    return np.where((angle < _field(camera))[:, None], pixels, np.nan)


@np.errstate(all="ignore")
def unproject(camera: CameraModel, pixels: Points) -> Points:
    """Return the rays of pixels, (N, 2); NaN for those that no ray of the lens's field falls on.

    The radial part is inverted by a table; what lenses bend besides is found by Newton's method.
    """
    bent = (pixels - camera.matrix[:2, 2]) / np.diag(camera.matrix)[:2]
    rays = bent * _straightening(camera, np.linalg.norm(bent, axis=1))[:, None]
    error = pixels - project(camera, rays)
    for _ in range(_ROUNDS):
        (left,) = np.nonzero(np.linalg.norm(error, axis=1) > _CONVERGED_PX)
        if not len(left):
            break
        rays[left] += _newton_step(camera, rays[left], error[left])
        error[left] = pixels[left] - project(camera, rays[left])
    found = np.linalg.norm(error, axis=1) <= _LARGEST_ERROR_PX
    return np.where(found[:, None], rays, np.nan)


def _decentring(camera: CameraModel, rays: Points, square: NDArray[np.float64]) -> Points:
    """Return by how far a pinhole camera's lens moves points besides its radial part: tangential and thin prism."""
    _, _, p1, p2, *_, s1, s2, s3, s4 = _padded(camera)[:12]
    x, y = rays.T
    xy = 2 * x * y
    moved_x = p1 * xy + p2 * (square + 2 * x**2) + s1 * square + s2 * square**2
    moved_y = p2 * xy + p1 * (square + 2 * y**2) + s3 * square + s4 * square**2
    return np.column_stack([moved_x, moved_y])


def _tilted(camera: CameraModel, bent: Points) -> Points:
    """Return points on the tilted sensor of a Scheimpflug camera; they stay where the sensor is not tilted."""
    tilt_x, tilt_y = _padded(camera)[12:]
    if not (tilt_x or tilt_y):
        return bent
    (cos_x, cos_y), (sin_x, sin_y) = np.cos((tilt_x, tilt_y)), np.sin((tilt_x, tilt_y))
    about_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    about_y = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    turned = about_y @ about_x
    onto = np.array([[turned[2, 2], 0, -turned[0, 2]], [0, turned[2, 2], -turned[1, 2]], [0, 0, 1]])
    points = np.column_stack([bent, np.ones(len(bent))]) @ (onto @ turned).T
    return np.asarray(points[:, :2] / points[:, 2:], np.float64)


def _newton_step(camera: CameraModel, rays: Points, error: Points) -> Points:
    at, step = project(camera, rays), 1e-6
    columns = [(project(camera, rays + step * axis) - at) / step for axis in np.eye(2)]
    (a, b), (c, d) = np.moveaxis(np.stack(columns, axis=2), 0, 2)
    x, y = error.T
    steps: Points = np.column_stack([d * x - b * y, a * y - c * x]) / (a * d - b * c)[:, None]
    return steps


def _straightening(camera: CameraModel, bent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by what to multiply points at these radii in the image plane to get their rays, radial part alone."""
    farthest = _field(camera)
    if not np.isfinite(farthest):
        farthest = 1.0
        while _radial(camera, np.array(0.9 * farthest)) < bent.max(initial=0.0) and farthest < 1e6:
            farthest *= 2
    angles = np.linspace(0.0, farthest, _TABLE)[:-1]
    reached = _radial(camera, angles)
    angle = np.interp(bent, reached, angles, right=np.nan)
    radius = np.tan(angle) if camera.is_fisheye else angle
    return np.divide(radius, bent, out=np.ones_like(bent), where=bent > 0)


def _angle(camera: CameraModel, radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a lens's polynomial is of: the angle to the axis for a fisheye lens, else its tangent, the radius."""
    return np.arctan(radius) if camera.is_fisheye else radius


def _padded(camera: CameraModel) -> NDArray[np.float64]:
    """Return all of OpenCV's coefficients, k1, k2, p1, p2, k3 ... k6, s1 ... s4, and two tilts; 0 where not given."""
    return np.pad(camera.distortion, (0, 14 - len(camera.distortion)))


def _polynomials(camera: CameraModel) -> tuple[Polynomial, Polynomial]:
    """Return numerator and denominator of a lens's radial part."""
    k = _padded(camera)
    if camera.is_fisheye:
        return Polynomial([0, 1, 0, k[0], 0, k[1], 0, k[2], 0, k[3]]), Polynomial([1.0])
    return Polynomial([0, 1, 0, k[0], 0, k[1], 0, k[4]]), Polynomial([1, 0, k[5], 0, k[6], 0, k[7]])


def _radial(camera: CameraModel, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    numerator, denominator = _polynomials(camera)
    return np.asarray(numerator(angle) / denominator(angle), np.float64)


def _field(camera: CameraModel) -> float:
    """Return up to where a lens's radial part grows, and its points lie before the camera; infinity where always."""
    numerator, denominator = _polynomials(camera)
    slope = numerator.deriv() * denominator - numerator * denominator.deriv()
    roots = np.concatenate([each.trim(1e-12).roots() for each in (slope, denominator)])
    turns = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(min([np.pi / 2 if camera.is_fisheye else np.inf, *turns]))
