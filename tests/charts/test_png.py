"""The PNG writer keeps flat colours exactly and carries the description."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from charts.png import palette_png


def rgba(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((height, width, 4), (*colour, 255), np.uint8)


def decoded(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(file)).convert("RGB"))


def test_an_empty_picture_is_its_background() -> None:
    image = rgba(5, 7, (27, 31, 38))
    assert np.array_equal(decoded(palette_png(image, exact=(), description="")), image[..., :3])


def test_an_exact_colour_keeps_every_bit_among_similar_ones() -> None:
    image = rgba(20, 20, (255, 255, 255))
    image[2:6, :, :3] = (15, 127, 102)
    image[6, :, :3] = (10, 121, 99)  # the same bucket of five bits
    found = decoded(palette_png(image, exact=["#0F7F66"], description=""))
    assert (found[2:6] == (15, 127, 102)).all()
    assert (np.abs(found[6].astype(int) - (10, 121, 99)) < 8).all()


def test_rare_colours_of_more_than_256_become_their_nearest_neighbours() -> None:
    image = rgba(400, 9, (255, 255, 255))
    for row in range(400):
        frequent = (row // 20 + row % 20) % 2
        image[row, : 8 if frequent else 1, :3] = (row // 20 * 8, row % 20 * 8, 0)
    found = decoded(palette_png(image, exact=(), description=""))
    assert np.abs(found.astype(int) - image[..., :3]).max() <= 8
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 256


def test_the_description_is_text_that_every_reader_finds() -> None:
    file = palette_png(rgba(2, 2, (0, 0, 0)), exact=(), description="王 uses 47% – ▲")
    image = Image.open(BytesIO(file))
    assert isinstance(image, PngImageFile)
    assert image.text["Description"] == "王 uses 47% – ▲"
    assert image.info["dpi"] == (216.0016, 216.0016)
