"""Drawn things: cars, people, cyclists, trees, lamps and facades, each as a visible and a thermal picture with alpha.

Sprites are drawn once, large, with every part in both modalities, and scaled by perspective in each frame.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", np.uint8, np.float32)
Colour = tuple[int, int, int]

_LAMPS = ((1.0, 1.0, 1.0), (0.94, 0.98, 1.0), (1.0, 0.93, 0.72))
"""Colours of headlights: white, bluish white (xenon) and yellowish (halogen)."""


@dataclass(frozen=True)
class Sprite:
    """A picture that stands upright in the world.

    Attributes:
        albedo: (h, w, 3) uint8 RGB under full light.
        heat: (h, w) uint8, grey level in the thermal image.
        alpha: (h, w) float32 in [0, 1].
        emission: (h, w, 3) uint8 RGB that shines by itself, such as tail lights and windows.
        height_m: height in the world.
        salient: a road user, to be seen by a driver, and not scenery.
        headlights: colour of the light that it shines towards the camera, of full scale 1; None if it does not.
    """

    albedo: NDArray[np.uint8]
    heat: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    emission: NDArray[np.uint8]
    height_m: float
    salient: bool
    headlights: tuple[float, float, float] | None = None

    @cached_property
    def smaller(self) -> "Sprite":
        """The same at half the resolution, for when it stands far away."""
        height, width = self.alpha.shape
        size = (max(width // 2, 1), max(height // 2, 1))

        def shrink(picture: NDArray[T]) -> NDArray[T]:
            return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=picture.dtype)

        return replace(
            self,
            albedo=shrink(self.albedo),
            heat=shrink(self.heat),
            alpha=shrink(self.alpha),
            emission=shrink(self.emission),
        )


class _Canvas:
    """Draws shapes into all pictures of a sprite at once; coordinates are shares of its size."""

    def __init__(self, height: int, width: int) -> None:
        self.size = np.array([width, height], np.float64)
        self.albedo = np.zeros((height, width, 3), np.uint8)
        self.emission = np.zeros((height, width, 3), np.uint8)
        self.heat = np.zeros((height, width), np.uint8)
        self.alpha = np.zeros((height, width), np.uint8)

    def polygon(self, points: list[tuple[float, float]], colour: Colour, heat: int, glow: Colour | None = None) -> None:
        corners = np.rint(np.asarray(points) * self.size).astype(np.int32)
        cv2.fillPoly(self.albedo, [corners], colour)
        cv2.fillPoly(self.emission, [corners], glow or (0, 0, 0))
        cv2.fillPoly(self.heat, [corners], (heat,))
        cv2.fillPoly(self.alpha, [corners], (255,))

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, heat: int, glow: Colour | None = None
    ) -> None:
        angles = np.linspace(0, 2 * np.pi, 40)
        self.polygon([(x + rx * np.cos(a), y + ry * np.sin(a)) for a in angles], colour, heat, glow)

    def rectangle(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, heat: int, glow: Colour | None = None
    ) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, heat, glow)

    def sprite(
        self,
        rng: np.random.Generator,
        height_m: float,
        texture: float,
        *,
        salient: bool,
        headlights: tuple[float, float, float] | None = None,
    ) -> Sprite:
        """Add surface texture, soften the edges and finish."""
        height, width = self.heat.shape
        grain = cv2.resize(rng.normal(1.0, texture, (height // 3 + 1, width // 3 + 1)), (width, height))
        albedo = np.clip(self.albedo * grain[..., None], 0, 255).astype(np.uint8)
        warmth = cv2.resize(rng.normal(1.0, texture / 2, (height // 8 + 1, width // 8 + 1)), (width, height))
        heat = np.clip(cv2.GaussianBlur(self.heat, (0, 0), 1.2) * warmth, 0, 255).astype(np.uint8)
        alpha = cv2.GaussianBlur(self.alpha, (0, 0), 0.8).astype(np.float32) / 255.0
        return Sprite(albedo, heat, alpha, self.emission, height_m, salient, headlights)


def _colour(values: NDArray[np.int_]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def car(rng: np.random.Generator, *, oncoming: bool) -> Sprite:
    """A car from ahead (oncoming, headlights on) or behind (tail lights, warm exhaust)."""
    canvas = _Canvas(150, 190)
    paint: Colour = _colour(rng.choice([[150, 150, 155], [40, 45, 60], [140, 25, 25], [200, 200, 200]]))
    body, engine = int(rng.integers(80, 105)), int(rng.integers(150, 190))
    canvas.polygon([(0.16, 0.42), (0.27, 0.06), (0.73, 0.06), (0.84, 0.42)], paint, body)
    canvas.polygon([(0.22, 0.40), (0.30, 0.12), (0.70, 0.12), (0.78, 0.40)], (25, 30, 38), 45)
    canvas.polygon([(0.02, 0.50), (0.14, 0.40), (0.86, 0.40), (0.98, 0.50), (0.98, 0.84), (0.02, 0.84)], paint, body)
    canvas.rectangle(0.07, 0.78, 0.24, 0.99, (18, 18, 18), 150)
    canvas.rectangle(0.76, 0.78, 0.93, 0.99, (18, 18, 18), 150)
    canvas.rectangle(0.24, 0.82, 0.76, 0.90, (12, 12, 12), 125)
    canvas.rectangle(0.41, 0.68, 0.59, 0.76, (220, 220, 215), body - 15)
    if oncoming:
        canvas.polygon([(0.14, 0.42), (0.86, 0.42), (0.90, 0.52), (0.10, 0.52)], paint, engine - 20)
        canvas.rectangle(0.28, 0.55, 0.72, 0.66, (20, 20, 20), engine)
        for x in (0.13, 0.87):
            canvas.ellipse(x, 0.58, 0.08, 0.07, (250, 250, 240), 140, (255, 250, 235))
    else:
        canvas.rectangle(0.10, 0.44, 0.90, 0.47, paint, body + 15)
        for x in (0.10, 0.90):
            canvas.ellipse(x, 0.55, 0.07, 0.06, (200, 20, 20), body + 10, (210, 30, 25))
        canvas.ellipse(0.70, 0.88, 0.04, 0.03, (60, 60, 60), 235)
    lamps = _LAMPS[int(rng.integers(len(_LAMPS)))] if oncoming else None
    return canvas.sprite(rng, 1.5, 0.05, salient=True, headlights=lamps)


def pedestrian(rng: np.random.Generator, phase: float) -> Sprite:
    """A walking person; `phase` in [0, 1) sets arms and legs."""
    canvas = _Canvas(180, 90)
    coat: Colour = _colour(rng.integers(25, 110, 3))
    trousers: Colour = _colour(rng.integers(15, 60, 3))
    skin, clothed, legs = int(rng.integers(225, 250)), int(rng.integers(165, 195)), int(rng.integers(180, 205))
    swing = 0.13 * np.sin(2 * np.pi * phase)
    for side in (-1, 1):
        foot = 0.5 + side * swing
        hip = 0.5 + side * 0.07
        canvas.polygon(
            [(hip - 0.07, 0.52), (hip + 0.07, 0.52), (foot + 0.06, 0.97), (foot - 0.06, 0.97)], trousers, legs
        )
        canvas.rectangle(foot - 0.07, 0.95, foot + 0.09, 1.0, (15, 15, 15), 120)
        hand = 0.5 + side * 0.19 - side * swing
        shoulder = 0.5 + side * 0.14
        canvas.polygon(
            [(shoulder - 0.05, 0.20), (shoulder + 0.05, 0.20), (hand + 0.04, 0.54), (hand - 0.04, 0.54)], coat, clothed
        )
        canvas.ellipse(hand, 0.55, 0.04, 0.025, (190, 150, 130), skin - 15)
    canvas.polygon([(0.33, 0.19), (0.67, 0.19), (0.64, 0.55), (0.36, 0.55)], coat, clothed)
    canvas.ellipse(0.5, 0.09, 0.11, 0.085, (190, 150, 130), skin)
    canvas.ellipse(0.5, 0.05, 0.115, 0.05, (35, 25, 20), skin - 50)
    return canvas.sprite(rng, 1.75, 0.08, salient=True)


def cyclist(rng: np.random.Generator) -> Sprite:
    """A rider seen from behind."""
    canvas = _Canvas(180, 80)
    canvas.rectangle(0.44, 0.55, 0.56, 1.0, (15, 15, 15), 95)
    canvas.rectangle(0.12, 0.44, 0.88, 0.48, (60, 60, 60), 85)
    coat: Colour = _colour(rng.integers(40, 150, 3))
    for side in (-1, 1):
        x = 0.5 + side * 0.14
        canvas.polygon([(x - 0.08, 0.5), (x + 0.08, 0.5), (x + 0.05, 0.88), (x - 0.05, 0.88)], (30, 30, 45), 195)
    canvas.polygon([(0.28, 0.20), (0.72, 0.20), (0.66, 0.56), (0.34, 0.56)], coat, 185)
    canvas.ellipse(0.5, 0.10, 0.13, 0.09, (220, 220, 60), 150)
    canvas.ellipse(0.5, 0.15, 0.09, 0.05, (190, 150, 130), 235)
    canvas.ellipse(0.5, 0.62, 0.05, 0.02, (200, 20, 20), 95, (230, 30, 30))
    return canvas.sprite(rng, 1.75, 0.08, salient=True)


def tree(rng: np.random.Generator) -> Sprite:
    """A roadside tree: trunk and leafy crown."""
    canvas = _Canvas(240, 180)
    canvas.polygon([(0.46, 1.0), (0.48, 0.45), (0.53, 0.45), (0.56, 1.0)], (70, 55, 40), 74)
    for _ in range(90):
        angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        x, y = 0.5 + 0.36 * radius * np.cos(angle), 0.32 + 0.26 * radius * np.sin(angle)
        shade = int(rng.integers(25, 75))
        green: Colour = (shade // 2, shade, shade // 3)
        canvas.ellipse(x, y, rng.uniform(0.03, 0.09), rng.uniform(0.02, 0.06), green, int(rng.integers(56, 70)))
    return canvas.sprite(rng, float(rng.uniform(5.0, 8.0)), 0.2, salient=False)


def lamp(rng: np.random.Generator) -> Sprite:
    """A street lamp on its mast."""
    canvas = _Canvas(240, 80)
    canvas.rectangle(0.47, 0.06, 0.53, 1.0, (90, 90, 95), 62)
    canvas.rectangle(0.5, 0.05, 0.85, 0.075, (90, 90, 95), 62)
    canvas.ellipse(0.82, 0.085, 0.10, 0.022, (255, 225, 170), 190, (255, 225, 170))
    return canvas.sprite(rng, 6.5, 0.05, salient=False)


def facade(rng: np.random.Generator) -> Sprite:
    """A house front: bricks, lit and dark windows, warm leaks around them."""
    canvas = _Canvas(220, 260)
    tone = int(rng.integers(70, 130))
    wall: Colour = (tone, int(tone * 0.85), int(tone * 0.7))
    warmth = int(rng.integers(70, 95))
    canvas.rectangle(0.0, 0.05, 1.0, 1.0, wall, warmth)
    canvas.rectangle(0.0, 0.05, 1.0, 0.09, (60, 60, 65), warmth - 25)
    for row in np.arange(0.11, 1.0, 0.03):
        canvas.rectangle(0.0, row, 1.0, row + 0.006, (tone - 25, tone - 30, tone - 35), warmth - 3)
    for y in (0.16, 0.42, 0.68):
        for x in np.arange(0.08, 0.9, 0.22):
            lit = rng.random() < 0.35
            glow: Colour | None = (170, 130, 70) if lit else None
            canvas.rectangle(x - 0.01, y - 0.01, x + 0.13, y + 0.17, (200, 200, 195), warmth + 18)
            canvas.rectangle(x, y, x + 0.12, y + 0.15, (40, 45, 55), warmth - 22 if not lit else warmth + 30, glow)
    return canvas.sprite(rng, float(rng.uniform(7.0, 11.0)), 0.06, salient=False)
