# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the servers of a compute down for its reboot and brings them back, as the record of _core/drain.py says."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Callable
from urllib.parse import quote

from .._core.cloud_call import COMPUTE, Call
from .._core.declaration import parse_declaration
from .._core.drain import (
    COLD,
    DISABLED,
    ENABLED,
    LIVE,
    REASON,
    REFUSE,
    STOP,
    Move,
    Record,
    Server,
    Service,
    movable_aliases,
    own_service,
    parse_record,
    parse_server,
    parse_services,
    plan_drain,
    refuse_what_is_left,
    refuse_without_credentials,
    unmovable,
)
from .._core.errors import MachineProblem, PassthroughError, raise_problems
from .connection import Cloud, connect, connect_if_possible
from .servers import error_texts, instance_actions

POLL_SECONDS = 2.0
_BODIES: dict[str, dict[str, Any]] = {
    STOP: {"os-stop": None},
    COLD: {"migrate": None},
    LIVE: {"os-migrateLive": {"host": None, "block_migration": "auto"}},
}


def planned(params: Mapping[str, Any]) -> Record:
    """Return what has to be done before the host of params["host"] reboots; a refusal is an error. Only reads."""
    earlier = parse_record(params["record"], "record")
    cloud = connect_if_possible(params["cloud"])
    if cloud is None:
        refuse_without_credentials(params["guests"])
        return earlier
    service = own_service(_services(cloud), params["host"])
    policy = params["policy"]
    servers = () if service is None else _settled(cloud, service.host, 0 if policy == REFUSE else params["timeout"])
    held = [server for server in servers if server.runs and server.aliases] if policy == LIVE else []
    reasons = (
        unmovable(held, movable_aliases(parse_declaration(params["devices"])), cloud.newest(COMPUTE)) if held else {}
    )
    return plan_drain(service, servers, params["guests"], policy, reasons, earlier)


def disabled(params: Mapping[str, Any], dry_run: bool) -> tuple[str, ...]:
    """Disable the service of params["record"], unless it is; return what was done."""
    record = parse_record(params["record"], "record")
    if record.host is None:
        return ()
    cloud = connect(params["cloud"])
    service = _service(cloud, record.host)
    if service.status == DISABLED:
        return ()
    if not dry_run:
        _switch(cloud, service, {"status": DISABLED, "disabled_reason": REASON})
    return (f"disable nova-compute on {record.host}",)


def drained(params: Mapping[str, Any], dry_run: bool) -> tuple[str, ...]:
    """Disable the service and take every server of params["record"] down; return what was done."""
    done = list(disabled(params, dry_run))
    record = parse_record(params["record"], "record")
    if record.host is None:
        return ()
    cloud = connect(params["cloud"])
    work = _Work(cloud, record.host, params["timeout"], dry_run)
    work.stop(record.stopped)
    for move in record.moves:
        if move.action != STOP:
            work.move_away(move)
    if not dry_run:
        refuse_what_is_left(record.host, _servers(cloud, record.host))
    return tuple(done + work.done)


def restored(params: Mapping[str, Any], dry_run: bool) -> tuple[str, ...]:
    """Start what was stopped and enable the service if it was found so; return what was done."""
    record = parse_record(params["record"], "record")
    if record.host is None:
        return ()
    cloud = connect(params["cloud"])
    work = _Work(cloud, record.host, params["timeout"], dry_run)
    if record.was_up and not dry_run:
        _wait_until_it_reports(cloud, record.host, params["timeout"])
    work.start(record.stopped)
    service = _service(cloud, record.host)
    if record.found == ENABLED and service.status == DISABLED and service.reason == REASON:
        if not dry_run:
            _switch(cloud, service, {"status": ENABLED})
        work.done.append(f"enable nova-compute on {record.host}")
    return tuple(work.done)


class _Work:
    """What is done to the servers of one compute. *timeout*: seconds for each; *done*: a sentence for each."""

    def __init__(self, cloud: Cloud, host: str, timeout: float, dry_run: bool) -> None:
        self._cloud = cloud
        self._host = host
        self._timeout = timeout
        self._dry_run = dry_run
        self.done: list[str] = []

    def stop(self, moves: Iterable[Move]) -> None:
        """All at once: a guest that does not hear may take minutes, and the others need not wait for it."""
        self._switch(moves, STOP, _BODIES[STOP], "ACTIVE", "SHUTOFF")

    def start(self, moves: Iterable[Move]) -> None:
        self._switch(moves, "start", {"os-start": None}, "SHUTOFF", "ACTIVE")

    def _switch(self, moves: Iterable[Move], word: str, body: Mapping[str, Any], before: str, after: str) -> None:
        """Bring each server that is still here from *before* to *after*; every one is tried before any error is raised."""
        problems: list[PassthroughError] = []
        asked = []
        for move in moves:
            try:
                server = self._settled(move)
                if server is None or server.host != self._host or server.status == after:
                    continue
                if server.status != before:
                    raise self._trouble(server, f"cannot be told to {word}: it is neither {before} nor {after}")
                self.done.append(f"{word} server {move}")
                if not self._dry_run:
                    self._order(server, word, body)
                    asked.append(move)
            except PassthroughError as problem:
                problems.append(problem)
        for move in asked:
            try:
                self._wait(move, lambda server: server.status == after and server.task is None, f"become {after}")
            except PassthroughError as problem:
                problems.append(problem)
        raise_problems(problems)

    def move_away(self, move: Move) -> None:
        server = self._settled(move)
        if server is None or (server.host != self._host and server.status != "VERIFY_RESIZE"):
            return
        if server.status == "SHUTOFF":  # stopped by somebody meanwhile: nothing of it runs here
            return
        if server.status not in ("ACTIVE", "VERIFY_RESIZE"):
            raise self._trouble(server, f"cannot be told to {move.action}: it is not active")
        self.done.append(f"{move.action} server {move}")
        if self._dry_run:
            return
        if server.status == "ACTIVE":
            self._order(server, move.action, _BODIES[move.action])
            server = self._wait(move, lambda now: not now.is_busy and now.host != self._host, "leave its host")
        if server is not None and server.status == "VERIFY_RESIZE":
            self._confirm(move, server)

    def _confirm(self, move: Move, server: Server) -> None:
        call = Call(COMPUTE, "POST", f"/servers/{move.id}/action", {"confirmResize": None})
        answer = self._cloud.ask(call)
        now = _look(self._cloud, move.id)
        if not answer.is_good and now is not None and now.status == "VERIFY_RESIZE":  # [DEFAULT]resize_confirm_window
            raise self._trouble(server, f"cannot be confirmed ({answer.status} {answer.message})")
        self._wait(move, lambda seen: seen.status == "ACTIVE" and seen.task is None, "be confirmed", ("VERIFY_RESIZE",))

    def _order(self, server: Server, word: str, body: Mapping[str, Any]) -> None:
        answer = self._cloud.ask(Call(COMPUTE, "POST", f"/servers/{server.id}/action", body))
        if not answer.is_good:
            raise self._trouble(server, f"Nova does not {word} it ({answer.status} {answer.message})")

    def _settled(self, move: Move) -> Server | None:
        """The server once nothing is under way; None when it is gone."""
        if self._dry_run:
            return _look(self._cloud, move.id)
        return self._wait(move, lambda server: not server.is_busy, "end what is under way")

    def _wait(
        self, move: Move, is_there: Callable[[Server], bool], what: str, passing: tuple[str, ...] = ()
    ) -> Server | None:
        """Return the server once *is_there* says so; None when it is gone. An error when it stops on the way, or is late."""
        end = time.monotonic() + self._timeout
        while True:
            server = _look(self._cloud, move.id)
            if server is None or is_there(server):
                return server
            if not server.is_busy and server.status not in passing:
                raise self._trouble(server, f"did not {what}")
            if time.monotonic() >= end:
                raise self._trouble(server, f"did not {what} within {self._timeout:.0f} s")
            time.sleep(POLL_SECONDS)

    def _trouble(self, server: Server, what: str) -> MachineProblem:
        said = server.fault or _last_words(self._cloud, server.id)
        return MachineProblem(
            f"server {server} on {server.host}",
            f"{what}{f'. Nova says: {said}' if said else ''}",
            f"Bring it to where it belongs by hand (`openstack server show {server.id}`, nova-compute's log), then run again: it "
            "goes on from here. host_drain_timeout is how long each server may take",
        )


def _services(cloud: Cloud) -> tuple[Service, ...]:
    return parse_services(cloud.get(Call(COMPUTE, "GET", "/os-services?binary=nova-compute")).body)


def _service(cloud: Cloud, host: str) -> Service:
    for service in _services(cloud):
        if service.host == host:
            return service
    fix = "See `openstack compute service list`; the record of the drained host names another, or it was deleted meanwhile"
    raise MachineProblem(f"nova-compute on {host}", "is no longer known to Nova", fix)


def _switch(cloud: Cloud, service: Service, body: Mapping[str, Any]) -> None:
    cloud.get(Call(COMPUTE, "PUT", f"/os-services/{service.id}", body))


def _wait_until_it_reports(cloud: Cloud, host: str, timeout: float) -> None:
    """Until it has reported since we began to look: for a minute after it died Nova still says that it is up."""
    end = time.monotonic() + timeout
    first = _service(cloud, host)
    now = first
    while now.state != "up" or (now.reported is not None and now.reported == first.reported):
        if time.monotonic() >= end:
            fix = "`systemctl status nova-compute` on the host and its log say why; then run again, which brings the servers back"
            raise MachineProblem(f"nova-compute on {host}", f"has not reported to Nova within {timeout:.0f} s", fix)
        time.sleep(POLL_SECONDS)
        now = _service(cloud, host)


def _settled(cloud: Cloud, host: str, timeout: float) -> tuple[Server, ...]:
    """The servers of *host*, once none is on the way to another state or *timeout* seconds are over."""
    end = time.monotonic() + timeout
    while True:
        servers = _servers(cloud, host)
        if time.monotonic() >= end or not any(server.is_busy for server in servers):
            return servers
        time.sleep(POLL_SECONDS)


def _servers(cloud: Cloud, host: str) -> tuple[Server, ...]:
    call = Call(COMPUTE, "GET", f"/servers/detail?all_tenants=1&host={quote(host, safe='')}")
    found = [parse_server(row) for row in cloud.rows(call, "servers")]
    return tuple(server for server in found if server.host == host)


def _look(cloud: Cloud, server_id: str) -> Server | None:
    answer = cloud.get(Call(COMPUTE, "GET", f"/servers/{server_id}", fine=(404,)))
    return parse_server(answer.body["server"]) if answer.is_good else None


def _last_words(cloud: Cloud, server_id: str) -> str:
    """What Nova noted of the last thing that was done to the server, "" where that went well or may not be seen."""
    newest = next(instance_actions(cloud, server_id), {})
    return next(filter(None, error_texts(newest)), str(newest.get("message") or ""))
