from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from dlx.report import build

DIGIT = {"kind": "image", "shape": [2, 3], "values": [0, 50, 100, 150, 200, 255]}


def write(folder, *shown):
    rows = [
        {
            "row": 1200 + i,
            "true": "7",
            "predicted": "1",
            "probability": 0.98,
            "loss": 4.1,
            "shown": s,
        }
        for i, s in enumerate(shown)
    ]
    (folder / "errors.json").write_text(json.dumps({"digit": {"rows": rows}}), "utf-8")
    return folder


def pixels(found):
    return [image for image in found.all("img") if image.get("class") == "pixels"]


def test_an_image_is_shown_pixel_by_pixel(make_run, page):
    found = page(build(write(make_run(), DIGIT)))
    (image,) = pixels(found)
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(data))), np.reshape(DIGIT["values"], (2, 3))
    )
    assert "true 7 predicted 1 probability 0.9800 loss 4.100 row 1,200" in found.text


def test_an_image_in_colour_is_shown_so(make_run, page):
    values = np.arange(18).reshape(3, 2, 3)
    shown = {"kind": "image", "shape": [3, 2, 3], "values": values.ravel().tolist()}
    (image,) = pixels(page(build(write(make_run(), shown))))
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    found = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(found, np.moveaxis(values, 0, 2))


def test_texts_and_features_are_shown_as_text(make_run, page):
    review = {"kind": "text", "text": "<b>the best film</b> & more"}
    house = {"kind": "row", "features": {"CRIM": 0.3, "RM": 6.5}}
    found = page(build(write(make_run(), review, house)))
    assert review["text"] in found.texts
    assert "CRIM 0.3000 RM 6.500" in found.text


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": [2, 2]},
        {"shape": [10**9, 10**9]},
        {"shape": [2, 1, 3]},
        {"shape": [3, 2, 3]},
        {"shape": "x"},
        {"values": ["a"] * 6},
        {"values": None},
        {"kind": "movie"},
    ],
    ids=repr,
)
def test_a_damaged_image_is_left_out_but_not_its_row(make_run, page, changed):
    found = page(build(write(make_run(), {**DIGIT, **changed})))
    assert pixels(found) == []
    assert "row 1,200" in found.text


@pytest.mark.parametrize("text", ["[]", '{"digit": 3}', '{"digit": {"rows": [3]}}', "{}"])
def test_without_rows_there_is_no_section(make_run, page, text):
    folder = make_run()
    (folder / "errors.json").write_text(text, "utf-8")
    assert "cards" not in [s["id"] for s in page(build(folder)).all("section")]


def test_a_file_that_is_no_json_is_told_in_its_place(make_run, page):
    folder = make_run()
    (folder / "errors.json").write_text("{", "utf-8")
    found = page(build(folder))
    assert any(text.startswith("errors.json cannot be shown: ") for text in found.texts)
    assert "0.8812" in found.text
