"""Downloads official files: resumed after a stop, and named only once their SHA-256 is right."""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from ..config.fields import Chosen
from ..config.specs.datasets import Dataset, File
from ..errors import Interrupted, Problem, RunError, UsageError
from ..version import __version__
from . import store
from .reader import Reader

CHUNK = 2**18  # bytes
TIMEOUT_S = 30  # without a single byte
MAX_BYTES = 2**32  # of a file whose official bytes are not pinned
AGENT = f"dlx/{__version__}"

Check = Callable[[Path], Problem | None]
"""What is wrong with a file that was downloaded, or None."""


class _FailedError(Exception):
    """The network or the server failed; says why."""


class Watcher(Protocol):
    """Is told how a download goes; shows it or not."""

    def on_file_ready(self, path: Path, verified: bool) -> None:
        """The file is here; verified, it is the official one."""

    def on_download_start(self, file: File, have: int, total: int) -> None:
        """A download begins with `have` bytes here already, of `total`."""

    def on_bytes(self, have: int) -> None:
        """So many bytes are here now."""


def fetch(chosen: Chosen, watcher: Watcher) -> Path:
    """Downloads what is missing of a dataset, or is not the official file; tells how it goes.

    Returns:
        The dataset's folder, with every file verified.

    Raises:
        UsageError: a file is missing, and has no address.
        RunError: the network or the disk failed, or the server sent another file.
        Interrupted: the user stopped it; what was received is kept.
    """
    options: Dataset = chosen.options
    folder = store.folder_of(chosen.name, options)
    for file in options.files:
        check = _check_of(chosen, file)
        path = store.path_of(folder, file)
        if not path.exists() or check(path):
            if not file.url:
                raise UsageError(store.missing_files(chosen.name, options, folder, (file,)))
            download(file, folder, watcher, check, chosen.name)
        watcher.on_file_ready(path, check is not _check_readable)
    return folder


def _check_of(chosen: Chosen, file: File) -> Check:
    """How to tell whether a file is the official one: by its bytes or contents, if pinned."""
    if file.sha256:
        return partial(_check_hash, file)
    reader: Reader = chosen.load()
    if reader.contents is None:
        return _check_readable
    return partial(_check_contents, reader.contents, chosen.options.content_sha256)


def _check_readable(path: Path) -> Problem | None:
    """Nothing can be wrong with a file of which nothing is known, but that it cannot be read."""
    store.hash_files(path.parent, [path.name])
    return None


def _check_hash(file: File, path: Path) -> Problem | None:
    (found,) = store.hash_files(path.parent, [path.name])
    if found.sha256.startswith(file.sha256):
        return None
    what = f"it has {found.size:,} bytes and SHA-256 {found.sha256}"
    size = f"{file.size:,} bytes, " if file.size else ""
    return Problem(what, str(path), f"{size}SHA-256 {file.digest}")


def _check_contents(contents: Callable[[Path], str], pinned: str, path: Path) -> Problem | None:
    store.hash_files(path.parent, [path.name])  # for its messages on folders and permissions
    try:
        found = contents(path)
    except UsageError as error:
        return error.problems[0]
    if found == pinned:
        return None
    return Problem(f"its content digest is {found}", str(path), f"content digest {pinned}")


def download(file: File, folder: Path, watcher: Watcher, check: Check, name: str) -> Path:
    """Downloads one file into a folder, going on from an earlier `.part` if there is one.

    The file takes its name in one step, and only if `check` finds nothing wrong with it; what
    stood under that name is replaced. What `check` refuses is deleted; once, from the start,
    where the earlier part may be what is wrong.

    Args:
        file: which.
        folder: where to.
        watcher: is told how it goes.
        check: what is wrong with the file.
        name: of the dataset, for what to type next.

    Raises:
        RunError: the network or the disk failed, or the server sent another file.
        Interrupted: the user stopped it; what was received is kept as `.part`.
    """
    _require_safe(file.url)
    part = folder / f"{file.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock_part(part) as out:
            if check is _check_readable:
                out.truncate(0)  # a part may be of another file than the one that is there now
            begun = os.fstat(out.fileno()).st_size
            problem = _download_rest(file, out, watcher, check)
            if problem and begun:
                out.truncate(0)
                problem = _download_rest(file, out, watcher, check)
            _settle(part, folder / file.name, problem, name)
    except KeyboardInterrupt:
        what = f"the download of {file.name} was stopped"
        hint = f"`{store.fetch_command(name)}` resumes it"
        raise Interrupted(Problem(what, str(part), hint=hint)) from None
    except _FailedError as error:
        raise _failure(file, folder, name, str(error)) from error.__cause__
    except OSError as error:
        what = f"{file.name} cannot be written: {error.strerror or error}"
        hint = "set DLX_DATA to a folder with free space and write permission"
        raise RunError(Problem(what, str(folder), hint=hint)) from error
    return folder / file.name


@contextlib.contextmanager
def _lock_part(part: Path) -> Iterator[IO[bytes]]:
    """Opens a `.part` file for appending, alone: two writers would mix their bytes."""
    with part.open("ab") as out:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = f"{part.stem} is being downloaded by another process"
                hint = "wait until it has finished"
                raise RunError(Problem(what, str(part), hint=hint)) from None
        try:
            yield out
        finally:
            if not os.fstat(out.fileno()).st_size:
                part.unlink(missing_ok=True)  # nothing to go on from


def _download_rest(file: File, out: IO[bytes], watcher: Watcher, check: Check) -> Problem | None:
    """Receives what is missing of a file; what is wrong with it then."""
    _receive(file, out, watcher)
    out.flush()
    os.fsync(out.fileno())
    return check(Path(out.name))


def _receive(file: File, out: IO[bytes], watcher: Watcher) -> None:
    """Appends what is missing; starts afresh where the server cannot go on from there."""
    have = os.fstat(out.fileno()).st_size
    if have and have == file.size:
        return  # it was stopped just before it took its name
    with _open(file, have) as answer:
        if answer.status != http.client.PARTIAL_CONTENT and have:
            have = 0
            out.truncate(0)
        total = have + answer.length if answer.length else file.size
        watcher.on_download_start(file, have, total)
        for chunk in _chunks(answer):
            out.write(chunk)
            have += len(chunk)
            watcher.on_bytes(have)
            if have > ((file.sha256 and file.size) or MAX_BYTES):
                if not file.sha256:
                    out.truncate(0)
                    raise _FailedError(f"it has more than {MAX_BYTES:,} bytes")
                return  # more than the file has: the check will say so
    if have < total:
        raise _FailedError(f"the connection was cut after {have:,} of {total:,} bytes")


def _settle(part: Path, path: Path, problem: Problem | None, name: str) -> None:
    if problem:
        part.unlink()
        what = f"the server sent a file other than the official {path.name}: {problem.what}"
        hint = f"`{store.fetch_command(name)}` starts the download again"
        raise RunError(Problem(what, str(path), problem.accepted, hint))
    os.replace(part, path)


def _open(file: File, have: int) -> http.client.HTTPResponse:
    headers = {"User-Agent": AGENT}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310 - see _require_safe
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return _open(file, 0)  # nothing lies behind what is here: from the start
        reason = f"the server answered {error.code} {error.reason}"
        raise _FailedError(reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _FailedError(_reason(error)) from error
    return answer


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := answer.read(CHUNK):
            yield chunk
    except http.client.IncompleteRead as error:
        yield error.partial  # the connection was cut, as the missing bytes will tell
    except (OSError, http.client.HTTPException) as error:
        raise _FailedError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """What went wrong with the network, without Python's wrapping."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _failure(file: File, folder: Path, name: str, reason: str) -> RunError:
    accepted = f"SHA-256 {file.digest}" if file.sha256 else ""
    hint = (
        f"`{store.fetch_command(name)}` resumes the download; or put the file into {folder} by hand"
    )
    return RunError(Problem(f"{file.name} was not downloaded: {reason}", file.url, accepted, hint))


def _require_safe(url: str) -> None:
    """Lets only encrypted addresses pass, and this machine itself."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise RunError(Problem("downloads must be encrypted", url, "an https address"))


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to encrypted addresses only."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _require_safe(newurl)
        except RunError:
            fp.close()  # urllib would leave the connection open
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)
