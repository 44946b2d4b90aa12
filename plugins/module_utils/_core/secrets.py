# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be shown of a service's configuration, and taking it out of texts that are.

Read line by line and not as oslo.config does: a file that no service can parse holds its passwords all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .config_edit import MARK
from .oslo_config import split_lines

STARS = "***"
SHORTEST = 4  # anything shorter stands in too many innocent words; in an URL its place gives it away

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z0-9_.-]+)\s*[=:]\s*(.*)")

# Of the options that Nova, keystoneauth, oslo and Castellan register with secret=True, what their names have in common.
_ALWAYS_SECRET = re.compile(r"passw(or)?d|passphrase|passcode|secret")  # admin_password, metadata_proxy_shared_secret
_SECRET_WORD = re.compile(r"(^|[_.-])(token|keys?)(_id)?$")  # admin_token, [vault]root_token_id, fixed_key, hmac_keys
_HARMLESS = re.compile(r"_(uuid|length|size|file|path|dir|ttl|time|timeout|expiration|type|roles|required|strategy)$")
_NO_SECRET = re.compile(r"(true|false|yes|no|on|off|none)$", re.IGNORECASE)
_PATH_OR_NUMBER = re.compile(r"(/.*|[0-9]{1,9})$")  # `key` is a file's name in [DEFAULT], `key_pairs` a quota

_USER_INFO = re.compile(r"://[^\s/]*@")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def secret_values(texts: Iterable[str]) -> frozenset[str]:
    """Return every secret that the configuration *texts* hold, in each spelling in which a log may show it."""
    found: set[str] = set()
    for text in texts:
        for value in _plain_values(text):
            found.update(form for form in _spellings(value) if len(form) >= SHORTEST)
    return frozenset(found)


def redact(text: str, values: Iterable[str]) -> str:
    """Return *text* with stars for each of *values* and for the user and password of any URL."""
    for value in sorted(values, key=len, reverse=True):  # the longest first: a shorter one may be a part of it
        if len(value) >= SHORTEST:
            text = text.replace(value, STARS)
    return _USER_INFO.sub(f"://{STARS}@", text)


def redact_all(data: Any, values: Iterable[str]) -> Any:
    """Return plain data with every text in it redacted."""
    if isinstance(data, str):
        return redact(data, values)
    if isinstance(data, list):
        return [redact_all(item, values) for item in data]
    if isinstance(data, dict):
        return {key: redact_all(item, values) for key, item in data.items()}
    return data


def _plain_values(text: str) -> Iterator[str]:
    """Yield the secrets of one text as they stand there, quotes taken off."""
    inside = False  # of a secret option, whose further lines are indented
    for line in split_lines(text):
        line = line[len(MARK) :] if line.startswith(MARK) else line
        if not line.strip() or line.lstrip().startswith(("#", ";", "[")):
            inside = False
            continue
        if inside and line[0].isspace():
            yield _unquoted(line.strip())
        match = _ASSIGNMENT.match(
            line
        )  # an indented one too: oslo.config glues it to the value before, a person meant it
        if match is not None:
            value = _unquoted(match.group(2).strip())
            secret = _is_secret(match.group(1).lower(), value)
            inside = secret or (inside and line[0].isspace())
            if secret:
                yield value
        yield from _of_urls(line)


def _is_secret(name: str, value: str) -> bool:
    if _HARMLESS.search(name) or _NO_SECRET.match(value):
        return False
    return bool(_ALWAYS_SECRET.search(name) or (_SECRET_WORD.search(name) and not _PATH_OR_NUMBER.match(value)))


def _of_urls(line: str) -> Iterator[str]:
    """Yield the passwords of a line's URLs, `rabbit://user:password@host,user:password@host/`, whole and in parts."""
    for rest in line.split("://")[1:]:
        before = rest.split()[0].rpartition("@")[0] if rest.split() else ""  # the last @: it may stand in a password
        for part in (before, *re.split(r"@[^,@]*,", before)):
            password = part.partition(":")[2]
            yield password
            # With one of these unencoded the URL is broken, and the service's complaint shows a part of the password.
            yield from re.split(r"[/?#@]", password)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def _spellings(value: str) -> Iterator[str]:
    yield value
    decoded = _ESCAPED.sub(_decode, value)
    for plain in (value, decoded, value.replace("$$", "$").replace("\\$", "$")):  # oslo.config's escapes of a dollar
        yield plain
        yield "".join(char if char.isalnum() or char in "_.-~" else _encode(char) for char in plain)
        yield repr(plain)[1:-1]
        yield json.dumps(plain)[1:-1]


def _decode(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("%", "")).decode("utf-8", "surrogateescape")


def _encode(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
