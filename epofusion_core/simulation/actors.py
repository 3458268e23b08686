"""Who moves on the road and what stands beside it: positions in the world as functions of time alone."""

from dataclasses import dataclass

import numpy as np

from epofusion_core.simulation.sprites import Sprite, car, cyclist, facade, lamp, pedestrian, tree

EGO_SPEED_M_S = 9.0
_NEAREST_M = 3.5
_FARTHEST_M = 75.0
_APPEARS_OVER_M = 10.0


@dataclass(frozen=True)
class Actor:
    """Something upright that passes by again and again.

    Attributes:
        sprites: its pictures; walkers have several, shown in turn.
        lateral_m: distance to the right of the centre line.
        start_m: distance ahead at time 0.
        approach_m_s: how fast the distance shrinks.
        sway_m: amplitude of a walker's sideways motion.
        period_s: of sway and walking pictures.
    """

    sprites: tuple[Sprite, ...]
    lateral_m: float
    start_m: float
    approach_m_s: float
    sway_m: float = 0.0
    period_s: float = 1.0


@dataclass(frozen=True)
class Placed:
    """An actor at one moment: its picture, and where its foot stands.

    Attributes:
        sprite: its picture.
        lateral_m: distance to the right of the centre line.
        distance_m: distance ahead of the camera.
        presence: 0 at the farthest distance, where actors enter, rising to 1, so that none appears at once.
    """

    sprite: Sprite
    lateral_m: float
    distance_m: float
    presence: float


def cast(rng: np.random.Generator, *, oncoming: int, scenery: bool) -> list[Actor]:
    """Draw all actors: `oncoming` cars with headlights, cars ahead, walkers, a cyclist and, if asked for, scenery."""
    span = _FARTHEST_M - _NEAREST_M
    actors = [
        Actor(
            (car(rng, oncoming=True),),
            -2.0 + rng.normal(0, 0.2),
            _NEAREST_M + span * (i + rng.uniform(0, 0.5)) / oncoming,
            EGO_SPEED_M_S + rng.uniform(1, 5),
        )
        for i in range(oncoming)
    ]
    for distance in (16.0, 42.0):
        actors.append(Actor((car(rng, oncoming=False),), 1.9 + rng.normal(0, 0.15), distance, 0.0, 0.25, 9.0))
    for _ in range(5):
        walk = tuple(
            pedestrian(np.random.default_rng(int(rng.integers(2**31))), phase) for phase in (0.0, 0.25, 0.5, 0.75)
        )
        side = rng.choice([-1.0, 1.0])
        actors.append(
            Actor(
                walk,
                side * rng.uniform(4.6, 6.5),
                _NEAREST_M + rng.uniform(0, span),
                EGO_SPEED_M_S + rng.normal(0, 1.2),
                0.3,
                1.1,
            )
        )
    crossing = tuple(
        pedestrian(np.random.default_rng(int(rng.integers(2**31))), phase) for phase in (0.0, 0.25, 0.5, 0.75)
    )
    actors.append(Actor(crossing, -1.6, 26.0, 1.5, 3.2, 7.0))
    actors.append(Actor((cyclist(rng),), 3.3, 30.0, 4.0, 0.15, 3.0))
    return actors + _scenery(rng) if scenery else actors


def _scenery(rng: np.random.Generator) -> list[Actor]:
    """Draw trees, house fronts and street lamps beside the road."""
    span = _FARTHEST_M - _NEAREST_M
    actors = []
    for index in range(7):
        for side in (-1.0, 1.0):
            distance = _NEAREST_M + span * (index + rng.uniform(0, 0.7)) / 7
            thing = tree(rng) if rng.random() < 0.5 else facade(rng)
            actors.append(Actor((thing,), side * rng.uniform(11.0, 15.0), distance, EGO_SPEED_M_S))
    for index in range(3):
        actors.append(Actor((lamp(rng),), -5.4, _NEAREST_M + span * index / 3, EGO_SPEED_M_S))
    return actors


def place(actors: list[Actor], time_s: float) -> list[Placed]:
    """Return all actors at a time, farthest first."""
    placed = []
    for actor in actors:
        turn = time_s / actor.period_s
        distance = _NEAREST_M + (actor.start_m - _NEAREST_M - actor.approach_m_s * time_s) % (_FARTHEST_M - _NEAREST_M)
        lateral = actor.lateral_m + actor.sway_m * float(np.sin(2 * np.pi * turn))
        picture = actor.sprites[int(turn * len(actor.sprites)) % len(actor.sprites)]
        presence = min((_FARTHEST_M - distance) / _APPEARS_OVER_M, 1.0)
        placed.append(Placed(picture, lateral, distance, presence))
    return sorted(placed, key=lambda each: -each.distance_m)
