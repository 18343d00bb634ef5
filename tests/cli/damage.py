"""Folders that decayed, or that a stranger made: every kind of damage, over every command.

python tests/cli/damage.py 20000 [SEED]     a campaign by hand; stops at the first surprise
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlx.cli.main import main

SMALL = ("task=wine", "trainer.epochs=1", "trainer.threads=1", "model.units=[4]")
SECRET = b"a secret of the user's\n"


def make_world(place: Path, whole: bool = True) -> None:
    """A folder with runs of every kind in it, a sweep, a search, a workflow and a lock file.

    Args:
        place: where; made.
        whole: whether all of them; else two runs, and the lock file.
    """
    place.mkdir(parents=True)
    os.chdir(place)
    (place / "outside" / "inner").mkdir(parents=True)
    (place / "outside" / "profile").write_bytes(SECRET)
    (place / "outside" / "inner" / "status.json").write_bytes(SECRET)
    (place / "home").mkdir()
    os.chdir(place / "home")
    wanted = [
        ("train", *SMALL, "checkpoint.keep=2", "checkpoint.every_epochs=1"),
        ("train", *SMALL, "seed=1"),
        ("train", *SMALL, "protocol=kfold", "protocol.k=2", "final=true"),
        ("train", "-m", *SMALL, "optimizer.lr=0.1,0.2", "sweep.name=swept"),
        ("tune", *SMALL, "optimizer.lr=0.1,0.2", "tune.trials=2", "tune.name=searched"),
        ("workflow", *SMALL, "workflow.until=3"),
    ]
    for command in wanted if whole else wanted[:2]:
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(command) == 0, command
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["lock", f"runs/wine/{min(os.listdir('runs/wine'))}"]) == 0


def tree(folder: Path) -> str:
    """A digest of all that lies in a folder; links count as what they are."""
    digest = hashlib.sha256()
    for where, folders, files in sorted(os.walk(folder)):
        for name in sorted([*folders, *files]):
            file = Path(where, name)
            digest.update(f"{file.relative_to(folder)}\0{file.is_symlink()}\0".encode())
            if file.is_file() and not file.is_symlink():
                digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Damage:
    """A way to harm one file.

    Attributes:
        name: what it is called.
        apply: does it, given the file, the folder outside, and chance.
    """

    name: str
    apply: Callable[[Path, Path, random.Random], None]


def _cut(file: Path, _: Path, chance: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content) + 1)])


def _flip(file: Path, _: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes() or b"x")
    for _turn in range(chance.choice((1, 1, 8))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(bytes(content))


def _zero(file: Path, _: Path, chance: random.Random) -> None:
    content = file.read_bytes()
    kept = chance.randrange(len(content) + 1)
    file.write_bytes(content[:kept] + bytes(len(content) - kept))


def _put(content: bytes) -> Callable[[Path, Path, random.Random], None]:
    def put(file: Path, _: Path, __: random.Random) -> None:
        file.write_bytes(content)

    return put


def _swap(make: Callable[[Path, Path], object]) -> Callable[[Path, Path, random.Random], None]:
    def swap(file: Path, outside: Path, _: random.Random) -> None:
        file.unlink()
        make(file, outside)

    return swap


def _folder_linked(file: Path, outside: Path, _: random.Random) -> None:
    folder = file.parent
    shutil.rmtree(folder)
    folder.symlink_to(outside / "inner")


def _sparse(file: Path, _: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(300 * 2**20)


def _word(file: Path, _: Path, chance: random.Random) -> None:
    """Another value in the place of one: a number where a text was, a mapping, nothing."""
    text = file.read_bytes()
    values = [b"null", b"[]", b"{}", b'"x"', b"-1", b"1e400", b"9" * 5000, b"true", b'"../../x"']
    places = [i for i, c in enumerate(text) if c in b":,["]
    if places:
        start = chance.choice(places) + 1
        end = min((i for i in range(start, len(text)) if text[i] in b",]}\n"), default=len(text))
        file.write_bytes(text[:start] + b" " + chance.choice(values) + text[end:])


DAMAGES = (
    *(Damage("cut", _cut), Damage("flipped", _flip), Damage("zeroed", _zero)),
    *(Damage("another value", _word), Damage("another value again", _word)),
    Damage("gone", _swap(lambda file, outside: None)),
    Damage("a link", _swap(lambda file, outside: file.symlink_to(outside / "profile"))),
    Damage("a dead link", _swap(lambda file, outside: file.symlink_to(outside / "new"))),
    Damage("a hard link", _swap(lambda file, outside: os.link(outside / "profile", file))),
    Damage("a pipe", _swap(lambda file, outside: os.mkfifo(file))),
    Damage("a folder", _swap(lambda file, outside: file.mkdir())),
    Damage("huge", _swap(_sparse)),
    Damage("deep", _put(b"[" * 100_000)),
    Damage("a long number", _put(b'{"schema_version": ' + b"9" * 5000 + b"}")),
    Damage("empty", _put(b"")),
    Damage("an empty mapping", _put(b"{}\n")),
    Damage("its folder is a link", _folder_linked),
)


def commands(runs: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Every command that reads these folders: cheap ones, and those that train or draw."""
    first, second, folds = [*runs, runs[0]][:3]
    cheap = [
        *(["runs"], ["runs", "--json"], ["best", "wine"], ["diff", first, second]),
        *(["diff", second, folds], ["lock", first], ["lock", folds], ["runs", "state=done"]),
        *(["runs", "rm", "task=digits", "--yes"], ["runs", "rm", first, "--yes"]),
    ]
    dear = [
        *(["test", first], ["test", folds], ["resume", first], ["compare", first, second]),
        *(["resume", first, "trainer.epochs=2"], ["resume", folds], ["report", first]),
        *(["report", folds], ["reproduce", first], ["reproduce", "dlx.lock"]),
    ]
    if len(runs) > 2:
        dear += [
            *(["report", "swept"], ["report", "searched"]),
            ["workflow", *SMALL, "workflow.until=3"],
            ["train", "-m", *SMALL, "optimizer.lr=0.1,0.2", "sweep.name=swept"],
            ["tune", *SMALL, "optimizer.lr=0.1,0.2", "tune.trials=2", "tune.name=searched"],
        ]
    return cheap, dear


class Trials:
    """Damages a copy of a world, gives it to a command, and looks at what came of it.

    Args:
        world: from `make_world`.
        place: where copies are made.
    """

    def __init__(self, world: Path, place: Path) -> None:
        self._world, self._place = world, place
        self._outside = tree(world / "outside")
        home = world / "home"
        self._runs = [f"runs/wine/{name}" for name in sorted(os.listdir(home / "runs/wine"))]
        self._files = [file.relative_to(home) for file in sorted(home.rglob("*")) if file.is_file()]
        self.codes: Counter[int] = Counter()

    def run(self, seed: int) -> list[str]:
        """One damage, given to every cheap command, and one time in four to a dear one.

        Returns:
            What was a surprise.
        """
        chance = random.Random(seed)
        cheap, dear = commands(self._runs)
        damage, file = chance.choice(DAMAGES), chance.choice(self._files)
        copy = self._place / f"{seed}"
        shutil.copytree(self._world, copy, symlinks=True)
        os.chdir(copy / "home")
        os.environ["DLX_CACHE"] = str(copy / "home" / "cache")
        damage.apply(Path(file).absolute(), copy / "outside", chance)
        asked = [chance.choice(dear)] if chance.random() < 0.25 else cheap
        told = f"seed {seed}: {file} {damage.name}: dlx "
        found = [
            f"{told}{' '.join(command)}\n{surprise}"
            for command in asked
            if (surprise := self._try(command, copy))
        ]
        os.chdir(self._place)
        shutil.rmtree(copy)
        return found

    def _try(self, command: list[str], copy: Path) -> str:
        out, err = io.StringIO(), io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(command)
        except BaseException:  # whatever comes is what is looked for
            return traceback.format_exc()
        self.codes[code] += 1
        said = out.getvalue() + err.getvalue()
        if code not in (0, 1, 2, 3, 4) or "Traceback" in said:
            return f"exit {code}\n{said}"
        if tree(copy / "outside") != self._outside:
            return "what lies outside has changed"
        return "what lies outside is shown" if SECRET.decode().strip() in said else ""


def campaign(count: int, first: int) -> None:
    """So many of them, in a temporary folder."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import InProcess

    import dlx.search.pool

    dlx.search.pool.Pool = InProcess  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory(prefix="dlx-damage-") as place:
        os.environ["DLX_CACHE"] = f"{place}/world/home/cache"
        make_world(Path(place) / "world")
        trials, begun = Trials(Path(place) / "world", Path(place)), time.monotonic()
        seed = first
        while trials.codes.total() < count:
            for found in trials.run(seed):
                print(found, flush=True)  # noqa: T201
            seed += 1
            if seed % 50 == 0:
                told = f"{seed - first} damages, {time.monotonic() - begun:.0f} s"
                print(told, trials.codes.total(), dict(trials.codes), flush=True)  # noqa: T201
        print(seed - first, "damages", trials.codes.total(), "commands")  # noqa: T201


if __name__ == "__main__":
    campaign(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
