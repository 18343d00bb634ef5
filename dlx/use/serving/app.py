"""The web application: FastAPI routes around a service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ...version import __version__
from ..outputs import Shape
from . import pages
from .asked import Asked, Fields, Row, rows_of_form, rows_of_json, shape_of_query
from .batcher import Batcher
from .limits import Limits, RefusedError
from .metrics import Metrics

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


Handler = Callable[[Request], Awaitable[Response]]


class Answering(Protocol):
    """What is served."""

    fields: Fields

    def answer(self, jobs: Sequence[Asked]) -> Sequence[bytes | Exception]:
        """The answers to some requests, or why there is none."""
        ...

    def check(self, shape: Shape) -> None:
        """Refuses to tell what no target has."""


def make_app(service: Answering, name: str, limits: Limits, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The application of a service.

    Args:
        service: answers to rows.
        name: of the run.
        limits: of requests.
        hosts: names under which it may be asked; none: all.
    """
    return _Server(service, name, limits, hosts).app


class _Server:
    """What the routes share."""

    def __init__(
        self, service: Answering, name: str, limits: Limits, hosts: tuple[str, ...]
    ) -> None:
        self.service, self.name, self.limits, self.hosts = service, name, limits, hosts
        self.metrics = Metrics()
        self.batcher = Batcher(service.answer, limits)
        self.app = FastAPI(
            title=f"dlx: run {name}",
            version=__version__,
            docs_url=None,
            redoc_url=None,
            lifespan=self._live,
        )
        self._add_routes()
        self.app.exception_handler(HTTPException)(self._tell_missing)
        self.app.exception_handler(Exception)(self._tell_fault)

    def _add_routes(self) -> None:
        extra = pages.describe_predict(self.service.fields)
        self._add("POST", "/predict", self.predict, openapi_extra=extra)
        self._add("GET", "/health", self.health)
        self._add("GET", "/metrics", self.tell_metrics)
        self._add("GET", "/docs", self.docs, include_in_schema=False)
        self._add("GET", "/", self.form, include_in_schema=False)
        self._add("POST", "/", self.answer_form, include_in_schema=False)

    def _add(self, method: str, path: str, handle: Handler, **more: Any) -> None:
        """Adds a route, which is timed, and tells what it refuses by a status and a reason."""

        async def endpoint(request: Request) -> Response:
            begun = time.perf_counter()
            try:
                self._check_host(request)
                response = await handle(request)
            except RefusedError as refused:
                response = _refuse(refused)
            except ClientDisconnect:
                response = _refuse(RefusedError(400, "the request broke off"))
            self.metrics.note(path, response.status_code, time.perf_counter() - begun)
            return response

        endpoint.__name__, endpoint.__doc__ = handle.__name__, handle.__doc__
        self.app.add_api_route(path, endpoint, methods=[method], response_model=None, **more)

    @asynccontextmanager
    async def _live(self, _: FastAPI) -> AsyncIterator[None]:
        self.batcher.start()
        yield
        await self.batcher.stop()

    def _check_host(self, request: Request) -> None:
        """Refuses a page of somebody else's that found its way here by a name of its own."""
        host = request.headers.get("host", "").rpartition(":")
        name = host[0] if host[0] and host[2].isdigit() else request.headers.get("host", "")
        if self.hosts and name not in self.hosts:
            raise RefusedError(421, "this server is asked under another name", "localhost")

    async def _tell_missing(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        accepted = "POST /predict, GET /health, /metrics, /docs, /openapi.json, /"
        self.metrics.note("other", error.status_code, 0.0)
        return _refuse(RefusedError(error.status_code, str(error.detail).lower(), accepted))

    async def _tell_fault(self, _: Request, __: Exception) -> Response:
        self.metrics.note("other", 500, 0.0)
        return _refuse(RefusedError(500, "something went wrong; the server's log says what"))

    async def predict(self, request: Request) -> Response:
        """Answers to rows: JSON, or a form with files."""
        shape = shape_of_query(request.query_params)
        self.service.check(shape)
        rows = await self._rows(request)
        content = await self.batcher.ask(Asked(rows, shape))
        self.metrics.rows += len(rows)
        return Response(content, media_type="application/json")

    async def _rows(self, request: Request) -> list[Row]:
        body = await self._body(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        fields, limits = self.service.fields, self.limits
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            values = await _read_form(request, body, limits)
            return await asyncio.to_thread(rows_of_form, values, fields, limits)
        if kind not in ("application/json", ""):
            accepted = "application/json or multipart/form-data"
            raise RefusedError(415, f"the request is {kind}", accepted)
        if fields.pictures or len(body) > _LARGE:  # what takes long must not hold up the others
            return await asyncio.to_thread(rows_of_json, body, fields, limits)
        return rows_of_json(body, fields, limits)

    async def _body(self, request: Request) -> bytes:
        """What was sent, as far as it is not too much, and came in time."""
        limit, told = self.limits.body, request.headers.get("content-length", "")
        too_large = RefusedError(413, "the request is too large", f"at most {limit:,} bytes")
        if told.isascii() and told.isdigit() and int(told[:20]) > limit:
            raise too_large
        content = bytearray()
        try:
            async with asyncio.timeout(self.limits.read):
                async for chunk in request.stream():
                    content += chunk
                    if len(content) > limit:
                        raise too_large
        except TimeoutError:
            what = f"the request did not arrive within {self.limits.read:g} seconds"
            raise RefusedError(408, what) from None
        return bytes(content)

    async def health(self, _: Request) -> Response:
        """Whether the server answers."""
        return JSONResponse({"status": "ok", "run": self.name, "version": __version__})

    async def tell_metrics(self, _: Request) -> Response:
        """Counts and times, as Prometheus reads them."""
        text = self.metrics.text(self.batcher.rows, self.batcher.batches)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def docs(self, _: Request) -> Response:
        """What can be asked, as a page."""
        return _page(pages.docs_page(self.app.openapi()))

    async def form(self, _: Request) -> Response:
        """A form to try."""
        return _page(pages.form_page(self.name, self.service.fields))

    async def answer_form(self, request: Request) -> Response:
        """The form with its answers below, or why there are none."""
        status = 200
        try:
            rows = await self._rows(request)
            content: bytes = await self.batcher.ask(Asked(rows, Shape(nested=True)))
            told = pages.tell_answers(content)
        except RefusedError as refused:
            status, told = refused.status, pages.tell_refusal(refused)
        return _page(pages.form_page(self.name, self.service.fields, told), status)


_LARGE = 2**16
"""Bytes of JSON that take milliseconds to read."""
_MOST_FIELDS = 20_000


async def _read_form(request: Request, body: bytes, limits: Limits) -> dict[str, list[str | bytes]]:
    """The values of a form's fields; a file that was not chosen has none."""

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, receive)  # type: ignore[arg-type]
    values: dict[str, list[str | bytes]] = {}
    try:
        sizes = {"max_files": limits.rows, "max_fields": _MOST_FIELDS, "max_part_size": limits.body}
        async with again.form(**sizes) as form:
            for name, value in form.multi_items():
                if not isinstance(value, UploadFile):
                    values.setdefault(name, []).append(value)
                elif value.filename:
                    values.setdefault(name, []).append(await value.read())
    except HTTPException as error:
        raise RefusedError(422, f"the form cannot be read: {error.detail}") from None
    return values


def _refuse(refused: RefusedError) -> Response:
    told = {"error": refused.reason}
    if refused.accepted:
        told["accepted"] = refused.accepted
    headers = {"Retry-After": "1"} if refused.status == 503 else {}
    return JSONResponse(told, refused.status, headers)


def _page(text: str, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(text, status, headers)
