"""Of neighbours that look the same a report shows one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from epofusion_core.report.apart import apart, look_alike
from epofusion_core.report.page import jpeg_of


def are_near(first: int, second: int) -> bool:
    return abs(first - second) < 10


@given(st.lists(st.integers(0, 200)), st.integers(0, 8))
def test_what_is_chosen_is_apart_and_whatever_is_left_out_is_near_a_better_one(ranked: list[int], most: int) -> None:
    chosen = apart(ranked, are_near, most)
    assert all(not are_near(a, b) for index, a in enumerate(chosen) for b in chosen[:index])
    assert chosen[:1] == ranked[: min(most, 1)]
    if len(chosen) < most:
        assert all(any(are_near(each, kept) for kept in chosen) for each in ranked)


def test_neighbours_of_one_scene_look_alike_and_another_scene_or_size_does_not() -> None:
    scene = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))
    pictures = (scene, np.roll(scene, 4, axis=1), scene[:, ::-1], scene[:200])
    first, moved, mirrored, lower = (jpeg_of(np.ascontiguousarray(each), 320, 85) for each in pictures)
    assert look_alike(first, moved)
    assert not look_alike(first, mirrored)
    assert not look_alike(first, lower)
