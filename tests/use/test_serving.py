"""A run that answers over HTTP: the same answers as the run, else a status and a reason."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
from PIL import Image as Picture
from small import loaded

from dlx.cli.main import main
from dlx.config.specs.pictures import Decoding
from dlx.sources.data import read_data
from dlx.use.outputs import Shape
from dlx.use.predictor import Predictor
from dlx.use.serving.app import LOOPBACK, make_app
from dlx.use.serving.asked import Asked, Fields
from dlx.use.serving.limits import Limits, RefusedError
from dlx.use.serving.service import Service

Cli = Callable[..., Any]
JSON = {"content-type": "application/json"}
CELLS = Fields(("a", "b<i>"), {}, {})
TWO = {"a": 1, "b<i>": "x"}
FEW = Limits(body=2000, rows=3, waiting=4, batch=3, read=0.2, answer=0.2)


@dataclass
class Echo:
    """Answers each row with itself, and keeps what it was given at once."""

    fields: Fields = CELLS
    seconds: float = 0.0
    seen: list[int] = field(default_factory=list)

    def check(self, shape: Shape) -> None:
        """Anything may be asked."""

    def answer(self, jobs: Sequence[Asked]) -> list[bytes | Exception]:
        self.seen.append(len(jobs))
        time.sleep(self.seconds)
        return [self._one(job) for job in jobs]

    def _one(self, job: Asked) -> bytes | Exception:
        if job.rows[0].get("a") == "boom":
            return ValueError(f"secret of {__file__}")
        if job.rows[0].get("a") == "bad":
            return RefusedError(422, "row 0: a is bad")
        told = [{name: np.shape(v) or str(v) for name, v in row.items()} for row in job.rows]
        return json.dumps({"predictions": told}).encode()


Talk = Callable[[httpx.AsyncClient], Awaitable[Any]]


def talk(service: Any, say: Talk, limits: Limits = FEW, hosts: tuple[str, ...] = ()) -> Any:
    """What comes of a conversation with a server that runs for it alone."""

    async def run() -> Any:
        app = make_app(service, "my-run", limits, hosts)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            return await say(client)

    return asyncio.run(run())


def ask(service: Any, content: Any, path: str = "/predict", **more: Any) -> httpx.Response:
    """The answer to one POST request."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = more.pop("headers", JSON)
    found = talk(service, lambda one: one.post(path, content=body, headers=headers), **more)
    return cast("httpx.Response", found)


@pytest.mark.parametrize("body", [[TWO], TWO, {"rows": [TWO]}])
def test_rows_are_told_in_any_of_three_forms(body: Any) -> None:
    found = ask(Echo(), body)
    assert (found.status_code, found.json()) == (200, {"predictions": [{"a": "1", "b<i>": "x"}]})


def test_numbers_reach_the_run_as_they_were_written() -> None:
    body = b'{"a": 0.10000000000000000001, "b<i>": null}'
    assert ask(Echo(), body).json()["predictions"] == [
        {"a": "0.10000000000000000001", "b<i>": ""},
    ]


BAD: list[tuple[bytes, int, str]] = [
    (b"{", 422, "the request is no JSON: Expecting property name enclosed in double quotes"),
    (b"\xff", 422, "the request is no JSON: it is nested too deeply, or is no UTF-8"),
    (b"[" * 1990, 422, "the request is no JSON: it is nested too deeply, or is no UTF-8"),
    (b"[]", 422, "the request has no row"),
    (b"[1]", 422, "row 0 is no JSON object"),
    (b'[{"a": 1}]', 422, "row 0 lacks b<i>"),
    (b'[{"a": 1, "B<i>": 2}]', 422, "row 0 lacks b<i>; is it `B<i>`?"),
    (b'[{"a": {}, "b<i>": 2}]', 422, "row 0: a is no text or number"),
    (b'[{"a": "bad", "b<i>": 2}]', 422, "row 0: a is bad"),
    (json.dumps([TWO] * 4).encode(), 413, "the request has 4 rows"),
    (b" " * 2001, 413, "the request is too large"),
]


@pytest.mark.parametrize(("body", "status", "reason"), BAD)
def test_what_cannot_be_answered_has_a_status_and_a_reason(
    body: bytes, status: int, reason: str
) -> None:
    found = ask(Echo(), body)
    assert (found.status_code, found.json()["error"]) == (status, reason)


def test_a_body_that_does_not_say_its_size_is_cut_where_it_is_too_large() -> None:
    sent = []

    async def endless() -> Any:
        while True:
            sent.append(0)
            yield b" " * 500

    found = talk(Echo(), lambda one: one.post("/predict", content=endless(), headers=JSON))
    assert (found.status_code, found.json()["accepted"]) == (413, "at most 2,000 bytes")
    assert len(sent) < 10


def test_a_body_that_comes_too_slowly_is_given_up() -> None:
    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    found = talk(Echo(), lambda one: one.post("/predict", content=slow(), headers=JSON))
    told = {"error": "the request did not arrive within 0.2 seconds"}
    assert (found.status_code, found.json()) == (408, told)


def test_requests_at_the_same_time_are_answered_together() -> None:
    echo = Echo(seconds=0.03)

    async def many(client: httpx.AsyncClient) -> list[httpx.Response]:
        rows = [{"a": str(n), "b<i>": ""} for n in range(9)]
        rows[4]["a"] = "bad"
        asked = (client.post("/predict", json=row) for row in rows)
        return await asyncio.gather(*asked)

    found = talk(echo, many, Limits())
    assert [one.status_code for one in found] == [200] * 4 + [422] + [200] * 4
    told = [one.json()["predictions"][0]["a"] for one in found if one.status_code == 200]
    assert told == ["0", "1", "2", "3", "5", "6", "7", "8"]
    assert sum(echo.seen) == 9
    assert len(echo.seen) <= 3


def test_too_many_rows_that_wait_and_too_long_a_wait_are_told() -> None:
    async def many(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(client.post("/predict", json=TWO) for _ in range(6)))

    found = talk(Echo(seconds=0.5), many)
    assert sorted(one.status_code for one in found) == [503, 503, 504, 504, 504, 504]
    full = next(one for one in found if one.status_code == 503)
    assert full.json()["error"] == "4 rows wait already, and no more than 4 may"
    assert full.headers["retry-after"] == "1"


def test_what_goes_wrong_inside_is_told_to_nobody_outside() -> None:
    found = ask(Echo(), {"a": "boom", "b<i>": ""})
    told = {"error": "something went wrong; the server's log says what"}
    assert (found.status_code, found.json()) == (500, told)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/predict", 405), ("GET", "/../etc/passwd", 404)]
)
def test_what_is_not_there_says_what_is(method: str, path: str, status: int) -> None:
    found = talk(Echo(), lambda one: one.request(method, path))
    assert found.status_code == status
    assert "POST /predict" in found.json()["accepted"]


def test_a_page_of_somebody_else_cannot_ask_by_a_name_of_its_own() -> None:
    assert ask(Echo(), TWO, hosts=LOOPBACK).status_code == 200
    headers = {**JSON, "host": "evil.example:8000"}
    assert ask(Echo(), TWO, hosts=LOOPBACK, headers=headers).status_code == 421
    assert ask(Echo(), TWO, headers={"content-type": "text/plain"}).status_code == 415


def test_pictures_and_windows_come_in_json_or_in_a_form() -> None:
    fields = Fields((), {"p": Decoding(size=(4, 6), colour="rgb")}, {"w": (2, 3)})
    stream = io.BytesIO()
    Picture.fromarray(np.zeros((9, 9, 3), np.uint8)).save(stream, "PNG")
    window = [[1, 2, 3], [4, 5, 6]]
    row = {"p": base64.b64encode(stream.getvalue()).decode(), "w": window}
    wanted = {"predictions": [{"p": [3, 4, 6], "w": [2, 3]}]}
    limits = Limits()

    assert ask(Echo(fields), row, limits=limits).json() == wanted
    pixels = {**row, "p": np.zeros((3, 4, 6)).tolist()}
    assert ask(Echo(fields), pixels, limits=limits).json() == wanted
    files = {"p": ("x.png", stream.getvalue())}
    data = {"w": json.dumps(window)}
    both = talk(Echo(fields), lambda one: one.post("/predict", files=files, data=data), limits)
    assert both.json() == wanted
    for change, reason in (
        ({"p": "?"}, "row 0: p is no base64"),
        ({"p": "AAAA"}, "row 0: p is no picture: "),
        ({"p": [[1]]}, "row 0: p has the shape 1 x 1"),
        ({"p": np.full((3, 4, 6), 300).tolist()}, "row 0: p has no bytes"),
        ({"w": [[1, 2, 3]]}, "row 0: w has the shape 1 x 3"),
        ({"w": [[1, 2], [3]]}, "row 0: w is no list of numbers"),
    ):
        found = ask(Echo(fields), {**row, **change}, limits=limits)
        assert found.status_code == 422
        assert found.json()["error"].startswith(reason)


def test_a_form_that_is_none_is_refused() -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    found = ask(Echo(), b"--y\r\n\r\n", headers=headers)
    assert found.status_code == 422


def test_the_form_shows_answers_and_runs_nothing_that_it_is_given() -> None:
    row = {"a": "<script>", "b<i>": "x"}
    page = talk(Echo(), lambda one: one.post("/", data=row))
    assert page.status_code == 200
    assert "<td>&lt;script&gt;</td>" in page.text
    assert '<input name="b&lt;i&gt;">' in page.text
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    lacking = talk(Echo(), lambda one: one.post("/", data={"a": "1"}))
    assert (lacking.status_code, "row 0 lacks b&lt;i&gt;" in lacking.text) == (422, True)


def test_what_can_be_asked_is_a_page_that_loads_nothing() -> None:
    async def read(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in ("/docs", "/openapi.json", "/health")]

    page, schema, health = talk(Echo(), read)
    assert "POST /predict" in page.text
    assert not any(word in page.text for word in ("src=", "http:", "https:", "@import"))
    content = schema.json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    assert (health.json()["status"], health.json()["run"]) == ("ok", "my-run")


def test_requests_are_counted_for_prometheus() -> None:
    async def count(client: httpx.AsyncClient) -> str:
        for body in (TWO, {}, TWO):
            await client.post("/predict", json=body)
        return (await client.get("/metrics")).text

    lines = talk(Echo(), count).splitlines()
    assert 'dlx_requests_total{path="/predict",status="200"} 2' in lines
    assert 'dlx_requests_total{path="/predict",status="422"} 1' in lines
    assert "dlx_rows_total 2" in lines
    assert "dlx_predict_seconds_count 3" in lines
    assert 'dlx_predict_seconds_bucket{le="+Inf"} 3' in lines


@pytest.fixture(scope="module")
def served(wines: Path) -> Service:
    return Service(Predictor.open(wines, "cpu"), {})


def wine_rows(many: int) -> list[dict[str, float]]:
    """Rows of the wines, by the names of their columns."""
    column = read_data(loaded().config).samples.columns["features"]
    return [cast("dict[str, float]", column.show(row).content) for row in range(many)]


def test_a_run_answers_as_its_predictor(served: Service) -> None:
    rows = wine_rows(5)
    found = ask(served, {"rows": rows}, "/predict?top_k=2", limits=Limits()).json()["predictions"]
    frame = served._frame([{name: str(v) for name, v in row.items()} for row in rows])
    known = served.predictor.predict(frame)["cultivar"]

    assert [one["cultivar"] for one in found] == known.names
    assert known.probabilities is not None
    told = [one["cultivar_probability"] for one in found]
    np.testing.assert_allclose(told, known.probabilities.max(1), rtol=1e-6)
    assert [len(one["cultivar_top"]) for one in found] == [2] * 5


def test_a_row_that_is_wrong_spoils_no_others(served: Service) -> None:
    rows = wine_rows(3)
    jobs = [Asked([{n: str(v) for n, v in row.items()}], Shape(nested=True)) for row in rows]
    alone = [served.answer([job])[0] for job in jobs]
    wrong = {**jobs[1].rows[0], "ash": "much"}
    jobs[1] = Asked([wrong], Shape(nested=True))
    found = served.answer(jobs)

    assert [found[0], found[2]] == [alone[0], alone[2]]
    assert isinstance(found[1], RefusedError)
    assert found[1].reason == "row 0: column ash has 'much', no number"


def test_classes_are_not_asked_of_numbers(served: Service) -> None:
    found = ask(served, [], "/predict?top_k=many", limits=Limits())
    assert (found.status_code, found.json()["error"]) == (422, "top_k is no number of classes")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--port", "99999"), "there is no port 99999\n  where: --port\n  accepted: 0 to 65535\n"),
        (("--host", "192.0.2.1"), "192.0.2.1:8000 cannot be listened at: "),
    ],
)
def test_an_address_that_cannot_be_listened_at_is_refused(
    wines: Path, cli: Cli, more: tuple[str, ...], told: str
) -> None:
    answer = cli("serve", "last", "--root", str(wines.parent.parent), *more)
    assert answer.code == 2
    assert answer.err.startswith(f"error: {told}")


def test_a_port_that_is_taken_is_refused(wines: Path, cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = str(one.getsockname()[1])
        answer = cli("serve", "last", "--root", str(wines.parent.parent), "--port", port)
    assert answer.code == 2
    assert answer.err.endswith("  where: --port\n  try: --port 0 takes a free one\n")


@pytest.mark.slow
def test_a_server_stops_in_good_order(wines: Path) -> None:
    """A real one: asked, left hanging by a client that sends half a head, and stopped."""
    words = ["serve", "last", "--root", str(wines.parent.parent), "--port", "0", "--json"]
    command = [sys.executable, "-m", "dlx", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        address = json.loads(text)["address"]
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(b"POST /predict HTTP/1.1\r\nHost:")
            found = httpx.post(f"{address}/predict", json=wine_rows(2))
            assert len(found.json()["predictions"]) == 2
            hanging.settimeout(30)
            assert hanging.recv(100) == b""
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


MODALITIES = {
    "pictures": ("task=mnist", "dataset.sample=true", "model=convnet"),
    "texts": ("task=imdb_raw", "dataset.sample=true"),
    "a series": ("task=beijing_windows", "dataset.sample=true", "model=gru"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODALITIES)
def test_other_rows_are_answered_as_their_run_does(kind: str, here: Path, in_process: None) -> None:
    more = ("trainer.epochs=1", "trainer.threads=1", "test=false", "--quiet")
    assert main(["train", *MODALITIES[kind], *more]) == 0
    (run,) = here.glob("runs/*/*-*")
    service = Service(Predictor.open(run, "cpu"), json.loads((run / "data.json").read_text()))
    (wanted,) = service.predictor.inputs
    column = read_data(service.predictor.config).samples.columns[wanted.name].take(np.arange(3))
    known = service.predictor.predict(_frame(wanted.name, column))
    (target,) = known
    found = ask(service, [{wanted.name: one} for one in _values(column)], limits=Limits())
    assert found.status_code == 200, found.text
    told = [one[target] for one in found.json()["predictions"]]
    if known[target].probabilities is None:
        np.testing.assert_allclose(told, known[target].values, rtol=1e-5)
    else:
        assert told == known[target].names


def _frame(name: str, column: Any) -> Any:
    from dlx.data.samples import Frame

    return Frame({name: column})


def _values(column: Any) -> list[Any]:
    """Rows as JSON has them."""
    if column.kind == "text":
        return list(column.values)
    if column.kind == "window":
        return [column.series[end - column.offsets].tolist() for end in column.ends]
    found = []
    for row in range(len(column)):
        stream = io.BytesIO()
        Picture.fromarray(column.show(row).content[0]).save(stream, "PNG")
        found.append(base64.b64encode(stream.getvalue()).decode())
    return found
