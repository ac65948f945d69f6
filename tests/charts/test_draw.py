"""The one door of the room: every figure, theme and format, the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from charts import Format, draw
from tests.charts.pictures import KINDS, SAMPLES, THEME_NAMES, card, pixels, png

LAZY = """
import sys
import charts
assert not {"matplotlib", "numpy", "sqlalchemy"} & set(sys.modules)
"""
OBJECTS_ONLY = """
import sys
from charts import draw
from tests.charts.samples import samples
for name in ("models", "people", "days"):
    for format in ("png", "svg", "pdf"):
        assert draw(samples()[name], theme="light", format=format)
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.parametrize("code", [LAZY, OBJECTS_ONLY], ids=["lazy", "objects_only"])
def test_matplotlib_is_loaded_late_and_never_with_pyplot(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # our own code


@pytest.mark.parametrize("name", KINDS)
def test_the_two_themes_are_different_pictures_of_one_layout(name: str) -> None:
    light, dark = (pixels(name, theme) for theme in THEME_NAMES)
    assert light.shape == dark.shape
    assert (light != dark).any()


@pytest.fixture(scope="module")
def again() -> Mapping[str, bytes]:
    """Dark pictures, drawn backwards in another thread, light ones in between."""
    first = {name: png(name, "dark") for name in KINDS}  # drawn before, in whatever order
    with ThreadPoolExecutor(1) as pool:
        drawn = {}
        for name in reversed(first):
            pool.submit(draw, SAMPLES[name], theme="light").result()
            drawn[name] = pool.submit(draw, SAMPLES[name], theme="dark").result()
    return drawn


@pytest.mark.parametrize("name", KINDS)
def test_the_same_figure_gives_the_same_bytes_in_any_thread_and_order(
    name: str, again: Mapping[str, bytes]
) -> None:
    assert again[name] == png(name, "dark")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("form", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_vector_files_repeat_and_carry_title_and_alt_text(
    name: str, form: Format, start: bytes
) -> None:
    file = draw(SAMPLES[name], theme="light", format=form)
    assert file == draw(SAMPLES[name], theme="light", format=form)
    assert file.startswith(start)
    for words in (SAMPLES[name].title, SAMPLES[name].alt.split(".")[0]):
        # PDF writes what is not ASCII in UTF-16.
        assert words.encode() in file or words.encode("utf-16-be") in file


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_decodes_to_the_announced_size_with_its_alt_text(name: str) -> None:
    image = Image.open(BytesIO(png(name, "light")))
    assert isinstance(image, PngImageFile)
    made = card(name, "light")
    assert image.size == (made.sheet.width * 3, made.height * 3)
    assert image.text["Description"] == SAMPLES[name].alt.strip()
