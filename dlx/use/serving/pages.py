"""The pages of a server: a form to try, and what can be asked; they load nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from .asked import EXAMPLE, Fields
from .limits import RefusedError

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
label { display: block; margin: .6rem 0; overflow-wrap: anywhere }
input, textarea { box-sizing: border-box; display: block; font: inherit; width: 100% }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid #ccc; padding: .3rem .8rem .3rem 0; text-align: left }
pre { background: #f4f4f4; overflow-x: auto; padding: .6rem }
.error { color: #a00 }
"""
MOST_FIELDS = 60
"""Fields that the form has; of more rows are sent as JSON."""


def describe_predict(fields: Fields) -> dict[str, Any]:
    """What OpenAPI is told of the route /predict."""
    row = {"type": "object", "required": [*fields.names], "properties": dict(_properties(fields))}
    rows: dict[str, Any] = {"type": "object", "required": ["rows"]}
    rows |= {"properties": {"rows": {"type": "array", "items": row}}}
    form = {"type": "object", "properties": {n: _in_form(fields, n) for n in fields.names}}
    content = {
        "application/json": {"schema": rows},
        "multipart/form-data": {"schema": form},
    }
    query = [
        ("top_k", "integer", "how many classes, the most probable first"),
        ("probabilities", "boolean", "whether the probability of every class"),
    ]
    return {
        "requestBody": {"required": True, "content": content},
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": kind}, "description": told}
            for name, kind, told in query
        ],
        "responses": {
            "413": {"description": "too many rows or bytes"},
            "422": {"description": "a row that cannot be read, with the reason"},
            "503": {"description": "too many rows wait"},
            "504": {"description": "no answer in time"},
        },
    }


def _properties(fields: Fields) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in fields.cells:
        text = name in fields.texts
        yield name, {"type": "string" if text else ["string", "number", "boolean", "null"]}
    for name in fields.pictures:
        yield name, {"type": "string", "format": "byte", "description": "a picture's file, base64"}
    for name, shape in fields.arrays.items():
        told = f"{_tell_shape(shape)} numbers"
        one: dict[str, Any] = {"type": "number"}
        for _ in shape:
            one = {"type": "array", "items": one}
        yield name, {**one, "description": told}


def _tell_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _in_form(fields: Fields, name: str) -> dict[str, str]:
    return {"type": "string", "format": "binary"} if name in fields.pictures else {"type": "string"}


def form_page(name: str, fields: Fields, answers: str = "") -> str:
    """A form with a field for each column, and what was answered below it.

    Args:
        name: of the run.
        fields: what a row has.
        answers: HTML; "" before anything was asked.
    """
    if len(fields.names) > MOST_FIELDS:
        told = f"A row has {len(fields.names):,} fields: rows are sent to /predict as JSON."
        form = f"<p>{told}</p>"
    else:
        inside = "\n".join(_field(fields, one) for one in fields.names)
        form = f'<form method="post" enctype="multipart/form-data">\n{inside}\n'
        form += '<p><input type="submit" value="Predict"></p></form>'
    below = f"{form}\n{answers}\n" if answers else form
    return _page(f"Run {name}", f'{below}<p><a href="/docs">What can be asked</a></p>')


def _field(fields: Fields, name: str) -> str:
    known = escape(name, quote=True)
    if name in fields.pictures:
        return (
            f'<label>{known} <input type="file" name="{known}" accept="image/*" multiple></label>'
        )
    if name in fields.arrays:
        told = f"{known}: {_tell_shape(fields.arrays[name])} numbers, as JSON lists"
        return f'<label>{told} <textarea name="{known}" rows="6"></textarea></label>'
    if name in fields.texts:
        return f'<label>{known} <textarea name="{known}" rows="8"></textarea></label>'
    return f'<label>{known} <input name="{known}"></label>'


def tell_answers(content: bytes) -> str:
    """Answers as a table."""
    rows = json.loads(content)["predictions"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_short(row.get(n)))}</td>" for n in names) + "</tr>"
        for row in rows
    )
    return f"<h2>Answers</h2><table><tr>{head}</tr>{body}</table>"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " | ".join(map(_short, value))
    return "" if value is None else str(value)


def tell_refusal(refused: RefusedError) -> str:
    """Why there are no answers."""
    more = f" ({escape(refused.accepted)})" if refused.accepted else ""
    return f'<p class="error">{escape(refused.reason)}{more}</p>'


def docs_page(schema: Mapping[str, Any]) -> str:
    """What can be asked, from the OpenAPI document; that is at /openapi.json."""
    parts = []
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2>")
            parts.append(f"<p>{escape(told.get('description', ''))}</p>")
            parts += _asked(told)
    example = "curl -H 'Content-Type: application/json' -d @rows.json ADDRESS/predict"
    parts.append(f"<h2>Example</h2><pre>{escape(example)}</pre>")
    parts.append('<p><a href="/openapi.json">/openapi.json</a> · <a href="/">a form</a></p>')
    return _page(str(schema["info"]["title"]), "\n".join(parts))


def _asked(told: Mapping[str, Any]) -> Iterator[str]:
    query = [
        f"<tr><td>?{escape(one['name'])}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for one in told.get("parameters", ())
    ]
    if query:
        yield f"<table>{''.join(query)}</table>"
    for kind, body in told.get("requestBody", {}).get("content", {}).items():
        yield f"<h3>{escape(kind)}</h3>"
        inner = body["schema"]["properties"]
        if "items" in (rows := inner.get("rows", {})):
            yield f"<pre>{escape(EXAMPLE)}</pre>"
            inner = rows["items"]["properties"]
        yield f"<table>{''.join(_tell_field(name, one) for name, one in inner.items())}</table>"
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for status, one in told.get("responses", {}).items()
    )
    yield f"<table>{answers}</table>"


def _tell_field(name: str, told: Mapping[str, Any]) -> str:
    kinds = told["type"] if isinstance(told["type"], list) else [told["type"]]
    what = told.get("description") or {"binary": "a file"}.get(told.get("format", ""), "")
    what = what or ", ".join(kinds)
    return f"<tr><td>{escape(name)}</td><td>{escape(what)}</td></tr>"


def _page(title: str, inside: str) -> str:
    head = f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = f"<h1>{escape(title)}</h1>\n{inside}"
    return f'<!doctype html><html lang="en"><meta charset="utf-8">{view}{head}{body}</html>\n'
