"""Registration found from pairs of images alone: on real pairs, on rendered ones, and by a board."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from epofusion_core.data.pairs import find_pairs
from epofusion_core.imaging import luma, read_grey, read_rgb
from epofusion_core.registration.board import Board
from epofusion_core.registration.coarse import similarity
from epofusion_core.registration.estimate import estimate_homography
from epofusion_core.simulation import SCENES, Drive

Images = list[NDArray[np.uint8]]
SIZE = (480, 640)


def truth(rng: np.random.Generator) -> NDArray[np.float64]:
    """A warp from thermal to RGB pixels: shifts up to 40 px, scale 0.8 to 1.25, rotation up to 5 degrees."""
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, 40)
    shift = (length * np.cos(angle), length * np.sin(angle))
    return similarity(SIZE, np.exp(rng.uniform(np.log(0.8), np.log(1.25))), rng.uniform(-5, 5), shift)


def warped(thermal: Images, matrix: NDArray[np.float64]) -> Images:
    inverse = np.linalg.inv(matrix)
    return [np.asarray(cv2.warpPerspective(image, inverse, SIZE[::-1]), np.uint8) for image in thermal]


def blurred(image: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


def error_px(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Mean distance over the image at which both put the same thermal pixels."""
    columns, rows = np.meshgrid(np.linspace(0, 639, 9), np.linspace(0, 479, 7))
    grid = np.stack([columns.ravel(), rows.ravel()], axis=1)[:, None]
    places = [cv2.perspectiveTransform(grid, matrix) for matrix in (found, wanted)]
    return float(np.linalg.norm(places[0] - places[1], axis=2).mean())


def rendered(count: int) -> tuple[Images, Images]:
    frames = [Drive(index, *SIZE, SCENES[index % len(SCENES)]).frame(20 * index) for index in range(count)]
    return [luma(frame.visible) for frame in frames], [frame.thermal for frame in frames]


def real(root: Path, dataset: str, count: int, rng: np.random.Generator) -> tuple[Images, Images]:
    pairs = find_pairs(root / dataset)
    chosen = [pairs[index] for index in rng.choice(len(pairs), count, replace=False)]
    visible = [luma(read_rgb(pair.visible)) for pair in chosen]
    thermal = [read_grey(pair.infrared) for pair in chosen]
    resized = [
        [np.asarray(cv2.resize(image, SIZE[::-1]), np.uint8) for image in images] for images in (visible, thermal)
    ]
    return resized[0], resized[1]


def test_real_pairs_that_were_warped_are_registered_to_less_than_a_pixel(real_data: Path) -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(3):
        visible, thermal = real(real_data, "m3svd", 6, rng)
        matrix = truth(rng)
        found = estimate_homography(visible, warped(thermal, matrix))
        errors.append(error_px(found.homography.matrix, matrix))
        assert found.residual_px < 2
    assert np.median(errors) < 1


def test_a_camera_of_another_size_is_registered_in_its_own_pixels() -> None:
    visible, thermal = rendered(6)
    matrix = truth(np.random.default_rng(1))
    small = [
        np.asarray(cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
        for image in warped(thermal, matrix)
    ]
    found = estimate_homography(visible, small)
    assert (found.homography.thermal_size, found.homography.rgb_size) == ((240, 320), SIZE)
    halving = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    assert error_px(found.homography.matrix, matrix @ halving) < 2


def test_images_that_have_nothing_in_common_are_not_to_be_relied_on() -> None:
    rng = np.random.default_rng(2)
    visible, thermal = ([blurred(rng.integers(0, 256, SIZE, np.uint8), 3) for _ in range(4)] for _ in "vt")
    assert estimate_homography(visible, thermal).residual_px > 3


def board(square: int, left: int, top: int) -> NDArray[np.uint8]:
    image = np.full(SIZE, 128, np.uint8)
    for row in range(6):
        for column in range(9):
            y, x = top + row * square, left + column * square
            image[y : y + square, x : x + square] = 230 if (row + column) % 2 else 20
    return image


def test_a_checkerboard_is_used_where_it_is_seen_also_with_cold_and_warm_exchanged() -> None:
    places = [(150, 120), (200, 180), (120, 200)]
    visible = [blurred(board(32, *place), 1) for place in places]
    matrix = similarity(SIZE, 1.1, 3.0, (12.0, -7.0))
    thermal = [255 - image for image in warped(visible, matrix)]
    found = estimate_homography(visible, thermal, Board((8, 5)))
    assert found.method == "chessboard"
    assert found.residual_px < 0.3
    assert error_px(found.homography.matrix, matrix) < 0.5


def circles(columns: int, rows: int, left: int, top: int) -> NDArray[np.uint8]:
    """Draw an asymmetric grid, as OpenCV's gen_pattern.py does: each second row is shifted by half a step."""
    image = np.full(SIZE, 230, np.uint8)
    for row in range(rows):
        for column in range(columns):
            cv2.circle(image, (left + 20 * (2 * column + row % 2), top + 20 * row), 7, 20, -1, cv2.LINE_AA)
    return image


@pytest.mark.parametrize("rows", [11, 10])
def test_an_asymmetric_grid_of_circles_is_used_also_with_cold_and_warm_exchanged(rows: int) -> None:
    visible = [blurred(circles(4, rows, *place), 1) for place in [(150, 120), (250, 150), (200, 90)]]
    matrix = similarity(SIZE, 1.1, 3.0, (12.0, -7.0))
    moved = [
        np.asarray(
            cv2.warpPerspective(image, matrix, SIZE[::-1], flags=cv2.WARP_INVERSE_MAP, borderValue=230), np.uint8
        )
        for image in visible
    ]
    found = estimate_homography(visible, [255 - image for image in moved], Board((4, rows), "acircles"))
    assert found.method == "acircles"
    assert error_px(found.homography.matrix, matrix) < 1


def test_too_few_pairs_or_mixed_sizes_are_one_clear_sentence() -> None:
    image = np.zeros(SIZE, np.uint8)
    with pytest.raises(ValueError, match="there are 2 pairs; expected at least 4"):
        estimate_homography([image] * 2, [image] * 2)
    with pytest.raises(ValueError, match=r"thermal images have the sizes .* expected one size"):
        estimate_homography([image] * 4, [image, image, image, image[:100]])
