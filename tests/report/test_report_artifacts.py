"""What a training left to be looked at: a section a kind, whatever a stranger's list says of it."""

from __future__ import annotations

import base64
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from dlx.files import fence
from dlx.report import build
from dlx.report.artifacts import EPOCHS, SECTIONS
from dlx.report.charts import MOST
from dlx.runs.artifacts import KINDS, NAME, Artifacts, list_artifacts

RAMP = np.linspace(0, 1, 48).reshape(2, 1, 4, 6)
KINDS_SHOWN = [make.__name__ for make in SECTIONS]


@pytest.fixture(scope="module")
def every(make_run):
    """A run with an artifact of each kind."""
    folder = make_run(metrics=None)
    into = Artifacts(folder)
    into.table("predictions", {"row": [0, 1], "true": ["positive", "negative"]})
    into.table("sizes", {"layer": [f"l{i}" for i in range(70)], "size": np.arange(70) / 7})
    into.cards(
        "medoids",
        {"": [{"row": 3, "cluster": "a", "distance": 0.5, "shown": {"kind": "row"}}]},
        caption="medoids, the largest cluster first",
    )
    for epoch in range(1, 31):
        into.pictures("samples", RAMP, epoch=epoch, caption="from the same noise")
    into.pictures("grid", RAMP, title="Latent grid")
    into.film("episode", RAMP, title="An episode")
    into.texts("poems", {"temperature 0.2": "to be\nor <b>not</b>"})
    hours = np.arange(500.0)
    into.lines("forecast", {"hour": hours, "true": hours**2, "gaps": hours * np.nan})
    into.lines("many", {f"line {i}": [i, i + 1] for i in range(30)})
    into.points("latent", {"x": [0, 1], "y": [2, 3], "digit": ["seven", "<i>one</i>"]})
    into.arrays("given", {"<b>one</b>": np.zeros((2, 3)), "none": np.zeros(0)}, title="Given")
    into.vectors("vectors", ["the"], np.zeros((1, 2)), title="Word vectors", caption="of 1 word")
    return folder


@pytest.fixture(scope="module")
def shown(every, page):
    return page(build(every))


def images(found):
    """The pictures that are shown as they are."""
    start = "data:image/png;base64,"
    pixels = (image for image in found.all("img") if image.get("class") == "pixels")
    return [base64.b64decode(image["src"].removeprefix(start)) for image in pixels]


def test_each_kind_has_a_section(shown):
    assert sorted(KINDS_SHOWN) == sorted(KINDS)
    ids = [section["id"] for section in shown.all("section")]
    assert [one for one in ids if one in KINDS] == KINDS_SHOWN
    titles = (
        "Medoids",
        "Pictures",
        "An episode",
        "Poems",
        "Lines",
        "Latent",
        "Sizes",
        "Given",
        "Word vectors",
    )
    assert all(title in shown.texts for title in titles)


def test_pictures_and_films_are_shown_byte_by_byte(shown, every):
    files = {one.file: one for one in list_artifacts(every) if one.kind in ("pictures", "film")}
    kept = {(every / file).read_bytes() for file in files}
    assert set(images(shown)) == kept
    assert len(images(shown)) == EPOCHS + 2


def test_of_many_epochs_some_are_shown_with_the_first_and_the_last(shown):
    told = [text for text in shown.texts if re.fullmatch(r"Epoch \d+", text)]
    assert (len(told), told[0], told[-1]) == (EPOCHS, "Epoch 1", "Epoch 30")
    assert "8 of 30 epochs are shown, evenly spaced." in shown.texts
    assert "From the same noise" in shown.texts


def test_a_long_table_is_cut_and_says_so(shown):
    (table,) = [rows for rows in shown.tables.values() if rows[0] == ["layer", "size"]]
    assert table[1:3] == [["l0", "0"], ["l1", "0.1429"]]
    assert len(table) == 51
    assert "The first 50 of 70 rows are shown: all are in artifacts/sizes.csv." in shown.texts


def test_a_seed_is_a_name_and_no_amount(make_run, page):
    folder = make_run(metrics=None, predictions=None, seed=1234, fresh="no test set is used up")
    Artifacts(folder).table("episodes", {"seed": [1174386176, 12322725], "steps": [1234, 9]})
    found = page(build(folder))
    (table,) = [rows for rows in found.tables.values() if rows[0] == ["seed", "steps"]]
    assert table[1:] == [["1174386176", "1,234"], ["12322725", "9"]]
    assert "1234" in found.texts


def test_texts_and_names_are_text(shown):
    assert {"to be\nor <b>not</b>", "temperature 0.2"} <= set(shown.texts)
    assert "<i>one</i>: 1.000, 3.000" in shown.texts
    assert "The 1 medoids, the largest cluster first" in shown.texts


def test_curves_and_points_tell_their_values(shown):
    assert "true: 249,001 at 499.0" in shown.texts
    assert not [text for text in shown.texts if text.startswith("gaps: ")]
    assert f"The first {MOST} of 29 lines are shown." in shown.texts
    assert "seven: 0, 2.000" in shown.texts
    for circle in shown.all("circle"):
        assert 54 <= float(circle["cx"]) <= 470
        assert 10 <= float(circle["cy"]) <= 268


def test_points_tell_what_further_columns_have_and_how_many_are_drawn(make_run, page):
    folder, many = make_run(metrics=None, predictions=None), np.arange(5000)
    columns = {"x": many / 7, "y": many % 7, "digit": (many % 15).tolist(), "row": many.tolist()}
    Artifacts(folder).points("places", columns)
    file = build(folder)
    found = page(file)
    assert len(found.all("circle")) == 3000
    assert "3,000 of 5,000 points are drawn, evenly spaced in their order." in found.texts
    assert "3, row 18: 2.571, 4.000" in found.texts
    assert [text for text in found.texts if "others" in text] == ["4 others"]
    assert file.stat().st_size < 1_000_000


def test_a_page_with_every_kind_has_no_script_and_leads_nowhere(shown):
    assert not {"script", "link", "iframe", "object", "image", "use"} & {t for t, _ in shown.tags}
    named = [value for _, of in shown.tags for n, value in of.items() if n in ("src", "href")]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in named)
    assert shown.open == []


def huge(png: bytes) -> bytes:
    return png[:16] + struct.pack(">II", 100_000, 100_000) + png[24:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("grid.png", b"<svg onload=alert(1)>"),
        ("grid.png", b""),
        ("grid.png", huge),
        ("episode.png", b"\x89PNG\r\n\x1a\n"),
        ("poems.json", b"{"),
        ("poems.json", b"[" * 100_000),
        ("medoids.json", b"\xff\xfe"),
        ("forecast.csv", b"hour,true\n0\n"),
        ("forecast.csv", b"hour\n0\n"),
        ("forecast.csv", b"hour,true\na,b\n"),
        ("forecast.csv", b""),
        ("latent.csv", b"x,y\n1e400,nan\n"),
        ("sizes.csv", b"layer\n" + b"x" * 200_000),
        ("sizes.csv", None),
        ("given.safetensors", b""),
        ("given.safetensors", b"\xff" * 40),
        ("given.safetensors", lambda kept: kept[:-1]),
    ],
    ids=lambda one: getattr(one, "__name__", repr(one)[:30]),
)
def test_a_damaged_file_is_told_in_its_place(every, page, name, content):
    file = every / "artifacts" / name
    kept = file.read_bytes()
    try:
        file.unlink()
        if content is not None:
            file.write_bytes(content(kept) if callable(content) else content)
        found = page(build(every))
    finally:
        file.unlink(missing_ok=True)
        file.write_bytes(kept)
    told = [text for text in found.texts if text.startswith(f"artifacts/{name} cannot be shown: ")]
    assert len(told) == 1
    assert "could not be made" not in found.text


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"a": null}', '{"a": {"rows": [null, {"row": {}, "shown": 3, "x": [[1]]}]}}'],
)
@pytest.mark.parametrize("kind", ["cards", "texts"])
def test_whatever_json_holds_the_page_is_whole(make_run, page, kind, content):
    folder = make_run(metrics=None, predictions=None)
    getattr(Artifacts(folder), kind)("it", {})
    (folder / "artifacts" / "it.json").write_text(content)
    found = page(build(folder))
    assert "could not be made" not in found.text
    assert found.open == []


@pytest.mark.parametrize("value", [None, "text", 3, -1.5, [{"a": None}], {}], ids=repr)
def test_any_value_of_a_list_may_be_of_any_kind(make_run, page, damaged, value):
    folder = make_run(metrics=None, predictions=None)
    Artifacts(folder).texts("poem", {"a": "b"}, epoch=1, title="Poem", caption="of the first")
    list_ = json.loads((folder / NAME).read_text())
    for path, changed in damaged(list_, value):
        (folder / NAME).write_text(json.dumps(changed))
        assert "could not be made" not in page(build(folder)).text, path


def test_files_that_are_too_large_together_are_named(make_run, page, monkeypatch):
    monkeypatch.setattr("dlx.report.artifacts._ROOM", 300)
    folder = make_run(metrics=None, predictions=None)
    for epoch in range(1, 9):
        Artifacts(folder).pictures("samples", RAMP, epoch=epoch)
    size = (folder / "artifacts" / "samples-1.png").stat().st_size
    found = page(build(folder))
    assert len(images(found)) == 300 // size
    told = [text for text in found.texts if "samples-8.png cannot be shown: it has " in text]
    assert len(told) == 1


def test_what_predictions_are_made_with_is_not_listed_nor_is_that_of_folds(make_run, page):
    folder = make_run(metrics=None, predictions=None)
    for place in (folder, folder / "folds" / "0"):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("trust", "boosting"):
            Artifacts(place).arrays(name, {"known": np.zeros(2, np.float32)}, title="Kept numbers")
    assert not [text for text in page(build(folder)).texts if "Kept numbers" in text]


def test_those_of_folds_are_shown_with_their_fold(make_run, page):
    folder = make_run(metrics=None, predictions=None)
    for fold in range(25):
        (folder / "folds" / str(fold)).mkdir(parents=True)
        Artifacts(folder / "folds" / str(fold)).texts("poem", {"": f"text {fold}"}, title="Poem")
    found = page(build(folder))
    at = [found.texts.index(f"Poem, fold {fold + 1}") for fold in range(20)]
    assert at == sorted(at)
    assert found.texts[at[7] + 1] == "text 7"
    assert "text 20" not in found.texts
    assert "The first 20 of 25 are shown." in found.texts


def test_a_link_in_the_place_of_a_file_is_not_followed(make_run, page, tmp_path):
    folder = make_run(metrics=None, predictions=None)
    Artifacts(folder).texts("poem", {"a": "b"})
    secret = tmp_path / "secret.json"
    secret.write_text('{"a": "secret"}')
    Path(folder / "artifacts" / "poem.json").unlink()
    Path(folder / "artifacts" / "poem.json").symlink_to(secret)
    found = page(build(fence(folder)))
    assert "secret" not in found.text
    assert "artifacts/poem.json cannot be shown: " in found.text


def test_what_the_kept_weights_made_is_named_beside_that_of_epochs(make_run, page):
    folder = make_run(metrics=None, predictions=None)
    for epoch in (*range(1, 10), None):
        Artifacts(folder).pictures("samples", RAMP, epoch=epoch)
    Artifacts(folder).pictures("grid", RAMP)
    found = page(build(folder)).texts
    named = [text for text in found if text == "Kept weights" or re.fullmatch(r"Epoch \d+", text)]
    assert len(named) == EPOCHS
    assert named[-1] == "Kept weights"
    assert named.count("Kept weights") == 1
    assert "7 of 9 epochs are shown, evenly spaced." in found
