# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reboot takes down of a compute, what becomes of each server, and when that is refused. Pure: rows of Nova -> record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .compute_name import matching_compute
from .declaration import DeviceEntry
from .errors import InputProblem, MachineProblem, PassthroughError, raise_problems

REFUSE = "refuse"
STOP = "stop"
COLD = "cold-migrate"
LIVE = "live-migrate"
POLICIES = (REFUSE, STOP, COLD, LIVE)
REASON = "nova_pci.passthrough: reboot for PCI passthrough"
ENABLED = "enabled"
DISABLED = "disabled"

_OPTION = "pci_passthrough_servers"
# A server in one of these needs nothing: no process runs for it, and what it is stands in Nova's database.
_QUIET = ("SHUTOFF", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED", "SOFT_DELETED", "DELETED")
# On the way to another state, whether or not a task is named.
_UNDER_WAY = ("BUILD", "REBOOT", "HARD_REBOOT", "RESIZE", "REVERT_RESIZE", "MIGRATING", "REBUILD", "PASSWORD")
_RUNNING = (1, 3)  # nova/objects/fields.py, InstancePowerState: RUNNING, PAUSED
_ALIAS = "pci_passthrough:alias"
# The newest microversion of Nova 30 is 2.96; 31 is the first that moves a device of an alias to another host.
_MOVES_DEVICES = (2, 97)
_DOING = {STOP: "stop", COLD: "cold-migrate", LIVE: "live-migrate"}


@dataclass(frozen=True)
class Service:
    """A nova-compute as GET /os-services lists it; *reported* is when it did so last, in Nova's words."""

    id: str
    host: str
    state: str
    status: str
    reason: str | None
    reported: str | None


@dataclass(frozen=True)
class Server:
    """What counts of a server. *host* is Nova's name of its compute, *aliases* those of the PCI devices in its flavor."""

    id: str
    name: str
    status: str
    task: str | None
    power: int | None
    host: str | None
    aliases: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_busy(self) -> bool:
        return self.task is not None or self.status in _UNDER_WAY

    @property
    def runs(self) -> bool:
        """Whether a reboot of its host would take it down."""
        if self.status == "ERROR":
            return self.power in _RUNNING
        return self.status not in _QUIET

    def __str__(self) -> str:
        return f"{self.name} ({self.id}, {self.status}{f', {self.task}' if self.task else ''})"


@dataclass(frozen=True)
class Move:
    """What becomes of one server that was found active. *action* is one of POLICIES."""

    id: str
    name: str
    action: str

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    def to_dict(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "found": "ACTIVE", "action": self.action}


@dataclass(frozen=True)
class Record:
    """How a compute was found, so that it can be made so again.

    Shape: *host* None asks for nothing at all; *was_up*: nova-compute reported to Nova before.
    """

    host: str | None = None
    found: str | None = None
    reason: str | None = None
    moves: tuple[Move, ...] = ()
    was_up: bool = True

    @property
    def stopped(self) -> tuple[Move, ...]:
        return tuple(move for move in self.moves if move.action == STOP)

    @property
    def actions(self) -> tuple[str, ...]:
        """What is to be done before the reboot, one sentence each."""
        if self.host is None:
            return ()
        service = (f"disable nova-compute on {self.host}",) if self.found == ENABLED else ()
        return service + tuple(f"{_DOING[move.action]} server {move}" for move in self.moves)

    def to_dict(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "service": {"found": self.found, "reason": self.reason, "up": self.was_up},
            "servers": [move.to_dict() for move in self.moves],
        }


def parse_record(data: object, place: str) -> Record:
    """Return the record that to_dict() gave, a Record that asks for nothing for None; MachineProblem when it is none."""
    if data is None:
        return Record()
    try:
        return _record(data)
    except (KeyError, TypeError, AttributeError) as error:
        fix = (
            "It says what an earlier run has stopped on that host. Enable its nova-compute and start its servers by hand, "
            "then move the file away"
        )
        raise MachineProblem(
            place, f"is no record of a drained compute ({type(error).__name__}: {error})", fix
        ) from None


def _record(data: Any) -> Record:
    moves = tuple(Move(str(row["id"]), str(row["name"]), row["action"]) for row in data["servers"])
    unknown = [move.action for move in moves if move.action not in _DOING]
    if unknown:
        raise KeyError(unknown[0])
    host, service = data["host"], data["service"]
    if service["found"] not in (None, ENABLED, DISABLED):
        raise KeyError(service["found"])
    if not (host is None or isinstance(host, str)):
        raise TypeError("host is no text")
    return Record(host, service["found"], service["reason"], moves, bool(service["up"]))


def parse_services(raw: Mapping[str, Any]) -> tuple[Service, ...]:
    """Return the services of GET /os-services?binary=nova-compute."""
    return tuple(
        Service(
            str(row["id"]), row["host"], row["state"], row["status"], row.get("disabled_reason"), row.get("updated_at")
        )
        for row in raw.get("services", [])
    )


def parse_server(row: Mapping[str, Any]) -> Server:
    """Return a server out of Nova's own row, as GET /servers/detail and GET /servers/ID give it."""
    specs = (row.get("flavor") or {}).get("extra_specs") or {}
    asked = [part.rpartition(":")[0].strip() for part in str(specs.get(_ALIAS, "")).split(",")]
    return Server(
        row["id"],
        row["name"],
        row["status"],
        row.get("OS-EXT-STS:task_state"),
        row.get("OS-EXT-STS:power_state"),
        row.get("OS-EXT-SRV-ATTR:host"),
        tuple(alias for alias in asked if alias),
        (row.get("fault") or {}).get("message", ""),
    )


def own_service(services: Iterable[Service], names: Sequence[str]) -> Service | None:
    """Return the nova-compute of the host that is known by *names*; None for a host that Nova does not know (yet)."""
    known = {service.host: service for service in services}
    name = matching_compute(known, names)
    return None if name is None else known[name]


def movable_aliases(entries: Iterable[DeviceEntry]) -> frozenset[str]:
    """Return the aliases whose devices can all move to another host with their server: each is live_migratable."""
    tags = [(entry.alias, dict(entry.tags).get("live_migratable") == "true") for entry in entries if entry.alias]
    return frozenset(alias for alias, _movable in tags) - {alias for alias, movable in tags if not movable}


def moves_devices(newest: tuple[int, ...]) -> bool:
    """Whether a Nova whose newest microversion this is can live-migrate a server with a device of an alias."""
    return newest >= _MOVES_DEVICES


def refuse_without_credentials(guests: Sequence[str]) -> Record:
    """Nova cannot be asked: a host without running guests is nobody's business, any other is not rebooted."""
    if not guests:
        return Record()
    raise MachineProblem(
        f"guests {', '.join(sorted(guests))}",
        "run on this host, a reboot takes them down, and there are no credentials to ask Nova about them",
        "Set pci_passthrough_cloud to a cloud of clouds.yaml, or OS_CLOUD or OS_AUTH_URL and its like in the environment of "
        "ansible-playbook, with openstacksdk on pci_passthrough_cloud_host; or shut the guests down first",
    )


def plan_drain(
    service: Service | None,
    servers: Sequence[Server],
    guests: Collection[str],
    policy: str,
    cannot_move: Mapping[str, str],
    earlier: Record,
) -> Record:
    """Return what has to be done before the reboot; every refusal is raised at once.

    Shape: *servers* those that Nova has on the host, *guests* the uuids that libvirt runs there, *cannot_move* as
    unmovable() gives it. What *earlier*, the record of a run that was cut off, says was found is how it was found.
    """
    _refuse_strangers(service, servers, guests)
    if service is None:
        return earlier
    running = [server for server in servers if server.runs]
    if policy == REFUSE and running:
        raise InputProblem(
            _OPTION,
            policy,
            f"lets no server be taken down, and a reboot of {service.host} would: {_listed(running)}",
            f"Stop or move them first, or set {_OPTION} to {STOP}, {COLD} or {LIVE}",
        )
    raise_problems([*_not_active(service, running, servers, guests), *_stuck(running, policy, cannot_move)])
    if running and service.state != "up":
        raise MachineProblem(
            f"nova-compute on {service.host}",
            f"is {service.state}, and servers run there: {_listed(running)}",
            "Start it (systemctl status nova-compute says why it does not run): without it no server can be stopped or moved",
        )
    again = {server.id for server in running}
    kept = tuple(move for move in earlier.moves if move.id not in again)
    moves = kept + tuple(Move(server.id, server.name, policy) for server in running)
    if earlier.host is not None:
        return replace(earlier, moves=moves)
    return Record(service.host, service.status, service.reason, moves, service.state == "up")


def refuse_what_is_left(host: str, servers: Iterable[Server]) -> None:
    """After everything was done, something runs on *host* all the same: it came while nova-compute was being disabled."""
    left = [server for server in servers if server.runs]
    if left:
        fix = "Run again: it takes these down too"
        raise MachineProblem(f"compute {host}", f"is disabled, and servers run there still: {_listed(left)}", fix)


def unmovable(servers: Iterable[Server], movable: Collection[str], newest: tuple[int, ...]) -> dict[str, str]:
    """Return in words why each server cannot be live-migrated, by its id; *newest* is Nova's newest microversion."""
    found = {}
    for server in servers:
        fixed = [alias for alias in server.aliases if alias not in movable]
        if server.aliases and not moves_devices(newest):
            found[server.id] = (
                f"it holds PCI devices ({', '.join(server.aliases)}), which Nova live-migrates from 31 (2025.1)"
            )
        elif fixed:
            found[server.id] = (
                f"it holds PCI devices of {', '.join(fixed)}, which is not declared with live_migratable: true"
            )
    return found


def _refuse_strangers(service: Service | None, servers: Iterable[Server], guests: Collection[str]) -> None:
    known = {server.id.lower() for server in servers}
    strangers = sorted({guest.lower() for guest in guests} - known)
    if not strangers:
        return
    whose = (
        "Nova knows no compute by this host's names"
        if service is None
        else f"are no servers of {service.host} for Nova"
    )
    raise MachineProblem(
        f"guests {', '.join(strangers)}",
        f"run on this host, a reboot takes them down, and {'they ' if service else ''}{whose}",
        "Shut them down, or write the name of `openstack compute service list` into pci_passthrough_nova_host of this host",
    )


def _not_active(
    service: Service, running: Iterable[Server], servers: Iterable[Server], guests: Collection[str]
) -> list[PassthroughError]:
    """Only what is active can be stopped or moved and be made the same again."""
    wrong = [server for server in running if server.status != "ACTIVE" or server.is_busy]
    held = {guest.lower() for guest in guests}
    wrong += [server for server in servers if not server.runs and server.id.lower() in held]
    return [
        MachineProblem(
            f"server {server}",
            f"runs on {service.host} and is neither active nor shut off, so it can be neither taken down nor brought back",
            "Wait for what is under way, or bring it to ACTIVE or SHUTOFF (openstack server unpause, unrescue, resize confirm, "
            "stop, ...)",
        )
        for server in wrong
    ]


def _stuck(running: Iterable[Server], policy: str, cannot_move: Mapping[str, str]) -> list[PassthroughError]:
    if policy != LIVE:
        return []
    return [
        InputProblem(
            _OPTION,
            policy,
            f"cannot be done with server {server}: {cannot_move[server.id]}",
            f"Stop or move that server first, or set {_OPTION} to {STOP} or {COLD}",
        )
        for server in running
        if server.id in cannot_move
    ]


def _listed(servers: Iterable[Server]) -> str:
    return ", ".join(str(server) for server in servers)


def with_drained(plan: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return *plan* with what an earlier run has drained and not restored yet, for people too."""
    if record.host is None:
        return {**plan, "drained": None}
    note = f"Drained for a reboot and not restored yet: {still_drained(record)}. The role restores it once the host is verified"
    return {**plan, "drained": record.to_dict(), "notes": [*plan["notes"], note]}


def still_drained(record: Record) -> str:
    """What is not as it was found, in words."""
    service = f"nova-compute on {record.host} was found {record.found}"
    servers = [f"{_DOING[move.action]} of {move}" for move in record.moves]
    return "; ".join([service, *servers])


def why_not_restored(record: Record) -> str:
    """What to add to a failed verification."""
    return (
        f"The host stays drained, so that nothing is scheduled to it ({still_drained(record)}). Mend what is named above and run "
        "again: the next run restores it. To give up, `openstack compute service set --enable` and `openstack server start` by "
        "hand, and move /var/lib/nova-pci-passthrough/drained.json away"
    )
