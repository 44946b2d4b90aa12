# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports openstacksdk: credentials as it finds them, requests as _core plans them."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from .._core.cloud_call import COMPUTE, PLACEMENT, Answer, Call
from .._core.cloud_trouble import answer_trouble, connection_trouble, has_no_credentials
from .._core.errors import MachineProblem
from .._core.secrets import redact

SDK = "openstacksdk"
try:
    import openstack
    from keystoneauth1.exceptions import ClientException, ConnectFailure, DiscoveryFailure
    from openstack.exceptions import SDKException

    SDK_MISSING: str | None = None
except ImportError:
    SDK_MISSING = traceback.format_exc()

# Nova: the newest of Victoria (22) is 2.87; 2.86 checks extra specs. Placement: the newest of Victoria is 1.36.
_MICROVERSIONS = {COMPUTE: "2.86", PLACEMENT: "1.36"}
# How long a lost connection is made again: a load balancer or uwsgi resets one now and then; what is down stays down.
PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_PAGE = 1000  # Nova gives no more at a time ([api]max_limit)
_NAMING = ("OS_CLOUD", "OS_AUTH_URL")  # of the environment: whoever sets one means a cloud
_T = TypeVar("_T")


class Cloud:
    """A connection with a valid token. Every error is a MachineProblem in the user's words."""

    def __init__(self, name: str | None, connection: Any) -> None:
        self.name = name
        self._connection = connection

    def ask(self, call: Call) -> Answer:
        """Return the answer whatever its status; MachineProblem only when there is none."""
        patience = PATIENCE_SECONDS if call.is_repeatable else 0.0
        try:
            response = _persist(lambda: self._request(call), patience)
        except (ClientException, SDKException) as error:
            raise connection_trouble(_names(error), redact(str(error), ()), self.name, call) from error
        try:
            body = response.json() if response.content else {}
        except ValueError:  # a proxy's page
            body = {"message": response.text[:200]}
        return Answer(response.status_code, body if isinstance(body, dict) else {"message": str(body)})

    def _request(self, call: Call) -> Any:
        return getattr(self._connection, call.service).request(
            call.path,
            call.method,
            json=None if call.body is None else dict(call.body),
            microversion=_MICROVERSIONS.get(call.service),
            raise_exc=False,
        )

    def get(self, call: Call) -> Answer:
        """Return a good answer or one that *call* calls fine; MachineProblem otherwise."""
        answer = self.ask(call)
        if answer.is_good or answer.status in call.fine:
            return answer
        raise answer_trouble(call, answer, self.name)

    def rows(self, call: Call, key: str) -> Iterator[Mapping[str, Any]]:
        """Return every row of a list of Nova's, page by page; *call*'s path holds a query, *key* is the list's name."""
        marker = ""
        while True:
            body = self.get(replace(call, path=f"{call.path}&limit={_PAGE}{marker}")).body
            rows = body[key]
            yield from rows
            if not rows or not body.get(f"{key}_links"):
                return
            marker = f"&marker={rows[-1]['id']}"

    def newest(self, service: str) -> tuple[int, ...]:
        """Return the newest microversion that *service* knows, () where it does not say."""
        try:
            data = getattr(self._connection, service).get_endpoint_data()
        except (ClientException, SDKException) as error:
            raise connection_trouble(_names(error), str(error), self.name, Call(service, "GET", "/")) from error
        return tuple(data.max_microversion or ()) if data is not None else ()


def connect(name: str | None) -> Cloud:
    """Return the cloud *name* of clouds.yaml, or the one that the environment names; MachineProblem otherwise."""
    wanted = name or None
    try:
        connection = openstack.connect(cloud=wanted, load_yaml_config=True, load_envvars=True)
        _persist(connection.session.get_token, PATIENCE_SECONDS)  # authorize() would hide why not
    except (ClientException, SDKException) as error:
        raise connection_trouble(_names(error), redact(str(error), ()), wanted) from error
    return Cloud(wanted, connection)


def connect_if_possible(name: str | None) -> Cloud | None:
    """As connect(), but None where no cloud is named and the environment names none either (or has no openstacksdk)."""
    if not name and SDK_MISSING is not None:
        return None
    try:
        return connect(name)
    except MachineProblem as problem:
        cause = problem.__cause__
        named = name or any(os.environ.get(variable) for variable in _NAMING)
        if not named and cause is not None and has_no_credentials(_names(cause)):
            return None
        raise


def _persist(request: Callable[[], _T], patience: float) -> _T:
    """Return what *request* returns, made again after a connection that was lost within *patience* seconds of the first try."""
    end = time.monotonic() + patience
    while True:
        try:
            return request()
        except (ConnectFailure, DiscoveryFailure):  # keystoneauth hides a loss while it looks for Keystone's version
            if time.monotonic() >= end:
                raise
        time.sleep(_PAUSE_SECONDS)


def _names(error: BaseException) -> tuple[str, ...]:
    return tuple(kind.__name__ for kind in type(error).__mro__)
