from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dlx.config.specs.datasets import DATASETS, File
from dlx.data import fetch as fetching
from dlx.data.fetch import download, fetch
from dlx.data.store import hash_files, names_of
from dlx.errors import DlxError, Interrupted, Problem, RunError, UsageError

BODY = bytes(range(256)) * 400  # 102,400 bytes
HALF = len(BODY) // 2


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.bodies`, behaving as `server.manner` says."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        if self.server.manner == "404":
            self.refuse("404")
        elif self.path in self.server.redirects:
            self.refuse("302", self.server.redirects[self.path])
        else:
            self.serve()

    def serve(self) -> None:
        body = self.server.bodies[self.path]
        start = self.begin(len(body))
        if start is not None:
            cut = HALF if self.server.manner == "cut" else len(body)
            with contextlib.suppress(OSError):  # the reader may stop first
                self.wfile.write(body[start:cut])
        self.close_connection = True

    def begin(self, size: int) -> int | None:
        """Sends the head of the answer; gives where the body starts, or None if it has none."""
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start and start >= size:
            self.refuse("416")
            return None
        if self.server.manner == "no ranges":
            start = 0
        self.send_response(206 if start else 200)
        if self.server.manner != "no length":
            self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        return start

    def refuse(self, code: str, location: str = "") -> None:
        self.send_response(int(code))
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: dict[str, bytes] = {"/file.bin": BODY}
        self.redirects: dict[str, str] = {}
        self.manner = ""
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Watch:
    """Notes what it is told; stops the download at a number of bytes, as a user would."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at, self.last = stop_at, 0
        self.begun: list[tuple[str, int, int]] = []
        self.verified: list[str] = []

    def on_file_ready(self, path: Path, verified: bool) -> None:
        self.verified.append(path.name)

    def on_download_start(self, file: File, have: int, total: int) -> None:
        self.begun.append((file.name, have, total))
        self.last = have

    def on_bytes(self, have: int) -> None:
        assert have > self.last
        self.last = have
        if self.stop_at is not None and have >= self.stop_at:
            raise KeyboardInterrupt


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetching, "CHUNK", 1024)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "elsewhere"


def described(url: str, body: bytes = BODY) -> File:
    name = url.rpartition("/")[2]
    return File(name=name, sha256=hashlib.sha256(body).hexdigest(), size=len(body), url=url)


def get(file: File, folder: Path, watch: Watch | None = None) -> Watch:
    watch = watch or Watch()
    path = download(file, folder, watch, partial(fetching._check_hash, file), "somewhere")
    assert path == folder / file.name
    return watch


def failure(kind: type[DlxError], file: File, folder: Path, watch: Watch | None = None) -> Problem:
    with pytest.raises(kind) as caught:
        get(file, folder, watch)
    (problem,) = caught.value.problems
    return problem


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWholeDownload:
    def test_lands_under_its_name(self, server, folder):
        watch = get(described(f"{server.url}/file.bin"), folder)
        assert (folder / "file.bin").read_bytes() == BODY
        assert names(folder) == ["file.bin"]
        assert (watch.begun, watch.last) == ([("file.bin", 0, len(BODY))], len(BODY))
        assert server.asked == [("/file.bin", None)]

    def test_replaces_what_stood_there(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin").write_bytes(b"old")
        get(described(f"{server.url}/file.bin"), folder)
        assert (folder / "file.bin").read_bytes() == BODY

    def test_from_a_server_that_tells_no_length(self, server, folder):
        server.manner = "no length"
        watch = get(described(f"{server.url}/file.bin"), folder)
        assert watch.begun == [("file.bin", 0, len(BODY))]

    def test_follows_redirects(self, server, folder):
        server.redirects = {"/moved.bin": f"{server.url}/file.bin"}
        get(described(f"{server.url}/moved.bin"), folder)
        assert (folder / "moved.bin").read_bytes() == BODY
        assert [path for path, _ in server.asked] == ["/moved.bin", "/file.bin"]


class TestResuming:
    def test_goes_on_where_the_user_stopped(self, server, folder):
        file = described(f"{server.url}/file.bin")
        problem = failure(Interrupted, file, folder, Watch(stop_at=HALF))
        assert names(folder) == ["file.bin.part"]
        assert (folder / "file.bin.part").read_bytes() == BODY[:HALF]
        assert problem == Problem(
            "the download of file.bin was stopped",
            where=str(folder / "file.bin.part"),
            hint="`dlx data fetch somewhere` resumes it",
        )
        watch = get(file, folder)
        assert server.asked[1:] == [("/file.bin", f"bytes={HALF}-")]
        assert watch.begun == [("file.bin", HALF, len(BODY))]
        assert (folder / "file.bin").read_bytes() == BODY
        assert names(folder) == ["file.bin"]

    def test_goes_on_after_a_cut_connection(self, server, folder):
        file = described(f"{server.url}/file.bin")
        server.manner = "cut"
        problem = failure(RunError, file, folder)
        assert problem == Problem(
            "file.bin was not downloaded: the connection was cut after 51,200 of 102,400 bytes",
            where=file.url,
            accepted=f"SHA-256 {file.sha256}",
            hint="`dlx data fetch somewhere` resumes the download; "
            f"or put the file into {folder} by hand",
        )
        assert names(folder) == ["file.bin.part"]
        server.manner = ""
        assert get(file, folder).begun == [("file.bin", HALF, len(BODY))]
        assert (folder / "file.bin").read_bytes() == BODY

    def test_starts_afresh_without_ranges(self, server, folder):
        file = described(f"{server.url}/file.bin")
        failure(Interrupted, file, folder, Watch(stop_at=HALF))
        server.manner = "no ranges"
        assert get(file, folder).begun == [("file.bin", 0, len(BODY))]
        assert (folder / "file.bin").read_bytes() == BODY

    def test_asks_for_nothing_when_all_is_here(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin.part").write_bytes(BODY)
        get(described(f"{server.url}/file.bin"), folder)
        assert server.asked == []
        assert names(folder) == ["file.bin"]

    def test_starts_afresh_when_too_much_is_here(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin.part").write_bytes(BODY + b"more")
        get(described(f"{server.url}/file.bin"), folder)
        assert server.asked == [("/file.bin", "bytes=102404-"), ("/file.bin", None)]
        assert (folder / "file.bin").read_bytes() == BODY


class TestWrongBytes:
    def test_never_take_the_name(self, server, folder):
        file = described(f"{server.url}/file.bin")
        server.bodies["/file.bin"] = wrong = BODY[:-1] + b"!"
        found = hashlib.sha256(wrong).hexdigest()
        assert failure(RunError, file, folder) == Problem(
            "the server sent a file other than the official file.bin: "
            f"it has 102,400 bytes and SHA-256 {found}",
            where=str(folder / "file.bin"),
            accepted=f"102,400 bytes, SHA-256 {file.sha256}",
            hint="`dlx data fetch somewhere` starts the download again",
        )
        assert names(folder) == []

    def test_leave_the_old_file_alone(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin").write_bytes(b"old")
        server.bodies["/file.bin"] = b"a login page"
        failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert (folder / "file.bin").read_bytes() == b"old"
        assert names(folder) == ["file.bin"]

    def test_in_the_part_that_was_here(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin.part").write_bytes(b"?" * HALF)
        file = described(f"{server.url}/file.bin")
        get(file, folder)
        assert (folder / "file.bin").read_bytes() == BODY
        assert server.asked == [("/file.bin", f"bytes={HALF}-"), ("/file.bin", None)]

    def test_in_the_part_that_was_here_and_on_the_server(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin.part").write_bytes(b"?" * HALF)
        server.bodies["/file.bin"] = BODY[:-1] + b"!"
        failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert names(folder) == []
        assert len(server.asked) == 2

    def test_without_end_are_stopped(self, server, folder):
        server.bodies["/file.bin"] = BODY * 100
        watch = Watch()
        failure(RunError, described(f"{server.url}/file.bin"), folder, watch)
        assert watch.last <= len(BODY) + 1024


class TestFailures:
    def test_not_found(self, server, folder):
        server.manner = "404"
        problem = failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert problem.what == "file.bin was not downloaded: the server answered 404 Not Found"
        assert names(folder) == []

    def test_nobody_there(self, server, folder):
        file = described(f"{server.url}/file.bin")
        server.shutdown()
        server.server_close()
        problem = failure(RunError, file, folder)
        assert problem.what == "file.bin was not downloaded: Connection refused"

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/file.bin",
            "http://127.0.0.1.example.org/file.bin",
            "http://127.0.0.1@example.org/file.bin",
            "ftp://example.org/file.bin",
            "file:///etc/passwd",
        ],
    )
    def test_address_without_encryption(self, folder, url):
        assert failure(RunError, described(url), folder) == Problem(
            "downloads must be encrypted", where=url, accepted="an https address"
        )
        assert not folder.exists()

    @pytest.mark.parametrize("target", ["http://example.org/file.bin", "ftp://example.org/a"])
    def test_redirect_without_encryption(self, server, folder, target):
        server.redirects = {"/file.bin": target}
        problem = failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert (problem.what, problem.where) == ("downloads must be encrypted", target)

    def test_redirect_to_a_local_file(self, server, folder):
        server.redirects = {"/file.bin": "file:///etc/passwd"}
        failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert names(folder) == []

    def test_folder_that_cannot_be_written(self, server, tmp_path):
        (tmp_path / "file").write_text("")
        folder = tmp_path / "file" / "somewhere"
        assert failure(RunError, described(f"{server.url}/file.bin"), folder) == Problem(
            "file.bin cannot be written: Not a directory",
            where=str(folder),
            hint="set DLX_DATA to a folder with free space and write permission",
        )

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_full_disk(self, server, folder):
        folder.mkdir(parents=True)
        (folder / "file.bin.part").symlink_to("/dev/full")
        problem = failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert problem.what == "file.bin cannot be written: No space left on device"

    @pytest.mark.skipif(sys.platform == "win32", reason="files are not locked on Windows")
    def test_two_at_a_time(self, server, folder):
        import fcntl

        folder.mkdir(parents=True)
        with (folder / "file.bin.part").open("ab") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            problem = failure(RunError, described(f"{server.url}/file.bin"), folder)
        assert problem.what == "file.bin is being downloaded by another process"
        assert server.asked == []


class TestDatasets:
    @pytest.fixture
    def served(self, server, tmp_path, monkeypatch):
        """Serves a made-up sample as a dataset's official files."""

        def serve(name: str, pinned: bool = True):
            pick = DATASETS.default(name)()
            source = tmp_path / "source"
            source.mkdir()
            pick.load().write_sample(source)
            server.bodies = {f"/{n}": (source / n).read_bytes() for n in names_of(pick.options)}
            files = [described(server.url + path, body) for path, body in server.bodies.items()]
            if not pinned:
                files = [dataclasses.replace(file, sha256="") for file in files]
                digest = pick.load().contents(source / files[0].name)
                monkeypatch.setattr(type(pick.options), "content_sha256", digest)
            monkeypatch.setattr(type(pick.options), "files", tuple(files))
            return pick

        return serve

    def test_every_file_once(self, served, server, tmp_path):
        pick = served("mnist")
        watch = Watch()
        folder = fetch(pick, watch)
        assert folder == tmp_path / "data" / "mnist"
        assert watch.verified == list(names_of(pick.options))
        hashes = [found.sha256 for found in hash_files(folder, names_of(pick.options))]
        assert hashes == [file.sha256 for file in pick.options.files]
        fetch(pick, Watch())
        assert len(server.asked) == 4

    def test_only_what_is_missing_or_wrong(self, served, server):
        pick = served("mnist")
        folder = fetch(pick, Watch())
        first, second, *_ = names_of(pick.options)
        (folder / first).unlink()
        (folder / second).write_bytes(b"wrong")
        server.asked.clear()
        fetch(pick, Watch())
        assert [path for path, _ in server.asked] == [f"/{first}", f"/{second}"]

    def test_a_folder_in_place_of_a_file(self, served, tmp_path):
        pick = served("imdb")
        (tmp_path / "data" / "imdb" / "imdb.npz").mkdir(parents=True)
        with pytest.raises(UsageError, match=r"imdb\.npz is a folder, not a file"):
            fetch(pick, Watch())

    def test_contents_count_where_bytes_are_not_pinned(self, served, server):
        pick = served("imdb_raw", pinned=False)
        path = fetch(pick, Watch()) / "aclImdb_v1.tar.gz"
        assert path.read_bytes() == server.bodies["/aclImdb_v1.tar.gz"]
        fetch(pick, Watch())
        assert len(server.asked) == 1

    @pytest.mark.parametrize("body", [b"a login page", None], ids=["no archive", "other reviews"])
    def test_other_contents_are_refused(self, served, server, monkeypatch, body, tmp_path):
        pick = served("imdb_raw", pinned=False)
        if body:
            server.bodies["/aclImdb_v1.tar.gz"] = body
        else:
            monkeypatch.setattr(type(pick.options), "content_sha256", "0" * 64)
        with pytest.raises(RunError) as caught:
            fetch(pick, Watch())
        what = "the server sent a file other than the official aclImdb_v1.tar.gz: "
        assert caught.value.problems[0].what.startswith(what)
        assert names(tmp_path / "data" / "imdb_raw") == []
