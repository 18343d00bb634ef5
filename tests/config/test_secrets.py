from __future__ import annotations

from typing import Any

import pytest

from dlx.config.secrets import (
    hide_in_arguments,
    hide_in_config,
    hide_passwords,
    holds_password,
    looks_secret,
)


@pytest.mark.parametrize(
    "text",
    ["a" * 60_000, "a " * 30_000, "a:'" * 20_000, "://a:" * 12_000, "?a" * 30_000, " " * 60_000],
)
def test_a_long_text_is_read_once(text: str) -> None:
    """Not once for every letter, which took a minute and more; the test would not end."""
    for longer in (text, text * 20):
        assert list(hide_in_arguments([f"x={{{longer}}}"])) == [f"x={{{longer}}}"]
        assert hide_passwords(longer) == longer


@pytest.mark.parametrize(
    "name",
    ["token", "api_key", "APIKEY", "wandb-token", "db_password", "client_secret", "credentials"],
)
def test_names_that_say_so(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["tokenize", "num_tokens", "key", "secretary", "lr", "monitor"])
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


def test_values_under_such_names_are_hidden_at_any_depth() -> None:
    config: dict[str, Any] = {
        "callbacks": {"push": {"token": "canary", "every": 3}},
        "list": [{"password": "canary"}],
        "token": "${oc.env:TOKEN}",
        "secret": "",
    }

    assert hide_in_config(config) == {
        "callbacks": {"push": {"token": "***", "every": 3}},
        "list": [{"password": "***"}],
        "token": "${oc.env:TOKEN}",
        "secret": "",
    }


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("callbacks.push.token=canary", "callbacks.push.token=***"),
        ("callbacks.push={token: canary, every: 3}", "callbacks.push={token: ***, every: 3}"),
        ("x={a: {api_key: 'can,ary'}, b: 1}", "x={a: {api_key: ***}, b: 1}"),
        ("optimizer.lr=0.01", "optimizer.lr=0.01"),
        ("prepare.steps=[{name: tokenize}]", "prepare.steps=[{name: tokenize}]"),
    ],
)
def test_arguments_are_kept_without_them(argument: str, shown: str) -> None:
    assert hide_in_arguments([argument]) == [shown]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me:canary@host:5000", "http://me:***@host:5000"),
        ("postgresql://me:can/a@ry@host/runs", "postgresql://me:***@host/runs"),
        ("https://:canary@host", "https://:***@host"),
        ("no http://me:canary@host and more", "no http://me:***@host and more"),
        (
            "postgresql://host/runs?user=me&password=canary",
            "postgresql://host/runs?user=me&password=***",
        ),
        ("https://host/?api_key=canary&x=1", "https://host/?api_key=***&x=1"),
    ],
)
def test_passwords_of_addresses_are_hidden(address: str, shown: str) -> None:
    assert hide_passwords(address) == shown
    assert hide_passwords(shown) == shown
    assert holds_password(address)


@pytest.mark.parametrize(
    "address",
    [
        "local",
        "env",
        "",
        "sqlite:////runs/a:b@c.db",
        "postgresql://me@host/x",
    ],
)
def test_addresses_without_a_password(address: str) -> None:
    assert not holds_password(address)
