from __future__ import annotations

import argparse
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dlx.cli import data
from dlx.config.specs.datasets import DATASETS, BostonHousing, File
from dlx.data.store import hash_files
from dlx.errors import UsageError


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DLX_CACHE", str(tmp_path / "cache"))
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def dlx_data(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs `dlx data ...`; gives its exit code and what it printed."""

    def call(*words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser(prog="dlx data")
        data.add_arguments(parser)
        code = data.run(parser.parse_args(words))
        printed = capsys.readouterr()
        assert printed.err == ""
        return code, printed.out

    return call


def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def boston(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[File]:
    """A made-up Boston file that counts as the official one, served on this machine."""
    served = tmp_path / "served"
    served.mkdir()
    DATASETS.default("boston_housing")().load().write_sample(served)
    (found,) = hash_files(served, ["boston_housing.npz"])
    monkeypatch.setenv("no_proxy", "*")
    handler = partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/{found.name}"
        file = File(name=found.name, sha256=found.sha256, size=found.size, url=url)
        monkeypatch.setattr(BostonHousing, "files", (file,))
        yield file
        server.shutdown()
        thread.join()


class TestList:
    def test_plain_lines_without_a_terminal(self, dlx_data):
        code, out = dlx_data("list")
        lines = out.splitlines()
        assert code == 0
        wide = max(map(len, DATASETS.entries))
        assert lines[0] == f"{'name':{wide}}             rows      size  state     terms"
        assert lines[1] == f"{'digits':{wide}}            1,797         -  embedded  UCI, CC BY 4.0"
        assert lines[1 + list(DATASETS.entries).index("mnist")] == (
            f"{'mnist':{wide}}  60,000 + 10,000   11.6 MB  missing   CC BY-SA 3.0"
        )
        assert len(lines) == 1 + len(DATASETS.entries)

    def test_table_on_a_terminal(self, dlx_data, monkeypatch, tmp_path):
        terminal(monkeypatch)
        _, out = dlx_data("list")
        assert "\x1b[32membedded" in out
        assert f"real files are in {tmp_path}" in out.replace("\n", "")

    def test_no_color_is_honoured(self, dlx_data, monkeypatch):
        terminal(monkeypatch)
        monkeypatch.setenv("NO_COLOR", "1")
        _, out = dlx_data("list")
        assert "\x1b[32m" not in out
        assert "embedded" in out

    def test_json(self, dlx_data, tmp_path):
        code, out = dlx_data("list", "--json")
        rows = {row["name"]: row for row in json.loads(out)}
        assert code == 0
        assert list(rows) == list(DATASETS.entries)
        assert rows["imdb"] == {
            "name": "imdb",
            "summary": "Film reviews as word ids, positive or negative "
            "(Maas and others, 2011; Keras' files).",
            "rows": "25,000 + 25,000",
            "bytes": 19_106_010,
            "state": "missing",
            "terms": "research use; cite Maas et al., ACL 2011",
            "folder": f"{tmp_path}/data/imdb",
        }


class TestFetch:
    def test_plain_lines_without_a_terminal(self, dlx_data, boston, tmp_path):
        code, out = dlx_data("fetch", "boston_housing")
        first, *_, last = out.splitlines()
        assert code == 0
        assert first == f"{boston.name}: {boston.size:,} bytes from {boston.url}"
        assert f"  100 %, {boston.size:,} bytes" in out
        assert last == f"{boston.name}: verified, in {tmp_path}/data/boston_housing"
        assert dlx_data("fetch", "boston_housing") == (0, last + "\n")

    def test_bar_on_a_terminal(self, dlx_data, boston, monkeypatch):
        terminal(monkeypatch)
        code, out = dlx_data("fetch", "boston_housing")
        assert code == 0
        assert "\u2501" in out
        assert f"{boston.name}: verified" in out

    def test_embedded(self, dlx_data):
        expected = "digits comes with scikit-learn: nothing to download\n"
        assert dlx_data("fetch", "digits") == (0, expected)

    @pytest.mark.parametrize(
        ("name", "hint"), [("imbd", "dlx data fetch imdb"), ("zzz", "dlx data list")]
    )
    def test_unknown_name(self, dlx_data, name, hint):
        with pytest.raises(UsageError) as caught:
            dlx_data("fetch", name)
        assert str(caught.value) == (
            f"there is no dataset {name!r}\n"
            f"  where: dlx data fetch {name}\n"
            f"  accepted: {', '.join(DATASETS.entries)}; one of a plugin needs --plugins PACKAGE; "
            "or a network of `dlx help model.network`, for its weights\n"
            f"  try: {hint}"
        )


class TestVerify:
    def test_right(self, dlx_data, boston):
        dlx_data("fetch", "boston_housing")
        assert dlx_data("verify", "boston_housing") == (0, "boston_housing: right\n")

    def test_wrong(self, dlx_data, boston, tmp_path):
        dlx_data("fetch", "boston_housing")
        path = tmp_path / "data" / "boston_housing" / boston.name
        path.write_bytes(b"short")
        code, out = dlx_data("verify", "boston_housing")
        lines = out.splitlines()
        assert code == 1
        assert lines[0] == "boston_housing: wrong"
        assert lines[1].startswith(
            f"  dataset boston_housing: {boston.name} is truncated: 5 of {boston.size:,} bytes; "
        )
        assert lines[2:] == [
            f"    where: {path}",
            f"    accepted: SHA-256 {boston.sha256}, {boston.size:,} bytes",
            "    try: `dlx data fetch boston_housing` downloads it again",
        ]

    def test_missing_is_wrong_only_when_asked_for(self, dlx_data):
        code, out = dlx_data("verify", "imdb")
        assert code == 1
        assert out.startswith("imdb: missing\n  dataset imdb: 2 of its 2 files are missing\n")
        code, out = dlx_data("verify")
        assert code == 0
        lines = out.splitlines()
        embedded = [name for name, one in DATASETS.entries.items() if one.options().embedded]
        assert {f"{name}: right" for name in embedded} <= {*lines}
        assert "mnist: missing" in lines

    def test_json(self, dlx_data, boston, tmp_path):
        path = tmp_path / "data" / "boston_housing" / boston.name
        path.mkdir(parents=True)
        code, out = dlx_data("verify", "boston_housing", "--json")
        assert code == 1
        assert json.loads(out) == [
            {
                "name": "boston_housing",
                "state": "missing",
                "problems": [
                    {
                        "what": "boston_housing.npz is a folder, not a file",
                        "where": str(path),
                        "accepted": "a readable file",
                        "hint": "move it away",
                    }
                ],
            }
        ]


class TestPath:
    def test_prints_one_line_and_no_more(self, dlx_data, monkeypatch, tmp_path):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "20")
        assert dlx_data("path", "imdb") == (0, f"{tmp_path}/data/imdb\n")

    def test_of_what_is_embedded(self, dlx_data):
        _, out = dlx_data("path", "digits")
        assert (Path(out.strip()) / "digits.csv.gz").is_file()


def test_arguments_import_nothing_heavy():
    code = """
import argparse, sys
from dlx.cli import data
data.add_arguments(argparse.ArgumentParser())
assert not {"rich", "numpy", "dlx.config.specs.datasets"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
