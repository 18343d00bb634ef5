"""Values that are nobody's business: options whose name says so are never shown or kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

HIDDEN = "***"

_SECRET = re.compile(r"(^|_)(token|password|passwd|passphrase|secret|api_?key|credentials?)(_|$)")


def looks_secret(name: str) -> bool:
    """Whether an option's name says that its value is a secret, as in `api_key`."""
    return bool(_SECRET.search(name.lower().replace("-", "_")))


# None of these goes back over what it has read: a stranger's text may have a million letters.
_USER = re.compile(r"://[^\s/:@]*+:(?!\*\*\*@)")
_PAIR = re.compile(r"(?<![\w-])([\w-]++)(\s*+:\s*+)('[^']*+'|\"[^\"]*+\"|[^,{}\[\]]++)")


def holds_password(address: str) -> bool:
    """Whether an address holds a password, as in http://user:password@host."""
    return hide_passwords(address) != address


def hide_passwords(text: str) -> str:
    """A text, passwords of addresses in it hidden; values under a secret name as well."""

    def hide(found: re.Match[str]) -> str:
        return f"{found[1]}{HIDDEN}" if looks_secret(found[2]) else found[0]

    return re.sub(r"([?&]([\w-]+)=)[^&\s]+", hide, re.sub(r"\S+", _hide_login, text))


def _hide_login(word: re.Match[str]) -> str:
    """One word, what stands between a user's name and the host hidden."""
    text = word[0]
    end = text.rfind("@")
    user = next((found for found in _USER.finditer(text) if found.end() <= end), None)
    return text if user is None else f"{text[: user.end()]}{HIDDEN}{text[end:]}"


def hide_in_config(value: Any) -> Any:
    """A config as dicts and lists, texts under a secret name hidden."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if looks_secret(str(key)) and _is_text(one) else hide_in_config(one)
            for key, one in value.items()
        }
    return [hide_in_config(one) for one in value] if isinstance(value, list) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not value.startswith("${")


def hide_in_arguments(arguments: Sequence[str]) -> list[str]:
    """Arguments of the command line, secret values hidden."""
    return [_hide_value(argument) for argument in arguments]


def _hide_value(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if equals and looks_secret(key.rpartition(".")[2]):
        return f"{key}={HIDDEN}"

    def hide(found: re.Match[str]) -> str:
        name, colon, written = found.groups()
        return f"{name}{colon}{HIDDEN}" if looks_secret(name) else f"{name}{colon}{written}"

    return key + equals + _PAIR.sub(hide, value)
