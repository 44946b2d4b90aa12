# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for: a flavor's devices, its NUMA wishes, and the words of a server that did not come up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .alias import DEFAULT_NUMA_POLICY
from .diagnosis_layer import FLAVOR, Layer, failed, ok
from .errors import InputProblem, NovaRefusal
from .flavor_plan import Flavor
from .flavor_request import PROPERTY, AliasRequest, parse_request
from .nearest import did_you_mean

_POLICY = "hw:pci_numa_affinity_policy"
# nova/virt/hardware.py numa_get_constraints: what gives a server a NUMA topology.
_TOPOLOGY = ("hw:numa_nodes", "hw:mem_page_size", "hw:pmem")
_PINNING = "hw:cpu_policy"
_POLICIES = ("required", "legacy", "preferred", "socket")
_WAITING = ("ERROR", "BUILD")


@dataclass(frozen=True)
class Request:
    """Shape: *flavor* its name, *devices* what it asks for, *extra_specs* as Nova has them; *server* Nova's id, "" for none,
    *status* its state and *said* what Nova told of it."""

    flavor: str
    devices: tuple[AliasRequest, ...] = ()
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    server: str = ""
    status: str = ""
    host: str | None = None
    said: tuple[str, ...] = ()

    @property
    def is_served(self) -> bool:
        """Whether the server came up, so that nothing stood in its way."""
        return bool(self.status) and self.status not in _WAITING

    @property
    def numa_cells(self) -> int | None:
        """How many NUMA cells the server gets, None when it has no topology and no NUMA policy has an effect."""
        specs = self.extra_specs
        if not any(specs.get(key) for key in _TOPOLOGY) and specs.get(_PINNING) not in ("dedicated", "mixed"):
            return None
        text = specs.get("hw:numa_nodes", "1")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 1

    def policy(self, of_alias: str) -> str:
        """The flavor's policy beats the alias's (nova/pci/request.py _translate_alias_to_requests)."""
        return self.extra_specs.get(_POLICY) or of_alias or DEFAULT_NUMA_POLICY


def check_asked(flavor: str | None, server: str | None) -> None:
    """InputProblem unless just one of both was given."""
    if bool(flavor) == bool(server):
        given = "both" if flavor else "none"
        fix = "Write diagnose_flavor=NAME, or diagnose_server=ID of a server that did not come up"
        raise InputProblem("diagnose_flavor, diagnose_server", given, "is not one of the two", fix)


def flavor_facts(flavor: Flavor) -> dict[str, Any]:
    """A flavor as plain data: *disk* GiB of all its disks, *ram* MiB."""
    return {
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk + flavor.ephemeral + -(-flavor.swap // 1024),
        "extra_specs": dict(flavor.extra_specs),
    }


def room_query(flavor: Mapping[str, Any], has_disk: bool) -> str:
    """What Placement is asked for, as in "VCPU:1,MEMORY_MB:512"; a server on a volume needs no disk of the compute.

    A pinned server counts as PCPU or, where Nova falls back, as VCPU: its processors are left out.
    """
    shared = flavor["extra_specs"].get(_PINNING) in (None, "shared")
    wanted = {
        "VCPU": flavor["vcpus"] if shared else 0,
        "MEMORY_MB": flavor["ram"],
        "DISK_GB": flavor["disk"] if has_disk else 0,
    }
    return ",".join(f"{name}:{count}" for name, count in wanted.items() if count)


def read_request(cloud: Mapping[str, Any], word: str) -> tuple[Request | None, Layer]:
    """Return the request of what diagnose_cloud_info found, None when there is none, and the layer of the flavor."""
    flavor = cloud.get("flavor")
    if flavor is None:
        names: Sequence[str] = cloud.get("flavor_names") or ()
        fix = did_you_mean(word, names, "`openstack flavor list --all` names those there are")
        return None, failed(FLAVOR, "", f"{word!r} is no flavor of this cloud", fix)
    name, specs = str(flavor["name"]), {str(key): str(text) for key, text in flavor["extra_specs"].items()}
    text = specs.get(PROPERTY)
    if text is None:
        near = did_you_mean(PROPERTY, [key for key in specs if "pci" in key], "", 0.7)
        meant = f" ({near[:-1].replace('Did you mean', 'it has')})" if near else ""
        seen = f"{name} has no extra spec {PROPERTY}{meant}"
        return None, failed(FLAVOR, "", seen, f'openstack flavor set {name} --property "{PROPERTY}=ALIAS:1"')
    try:
        devices = parse_request(text, {piece.split(":")[0].strip() for piece in text.split(",")})
    except NovaRefusal as refusal:
        seen = f"{name}: {PROPERTY} = {text!r} {refusal.problem}; nova-api answers 500 to it"
        return None, failed(FLAVOR, "", seen, refusal.fix)
    if all(one.count < 1 for one in devices):
        return None, failed(FLAVOR, "", f"{name} asks for {text}, which is no device", "Write a count of 1 or more")
    policy = specs.get(_POLICY)
    if policy is not None and policy not in _POLICIES:
        seen = f"{name}: {_POLICY} = {policy!r} is none that Nova knows; nova-api answers 400 to it"
        return None, failed(FLAVOR, "", seen, f"Write one of {', '.join(_POLICIES)}")
    server = cloud.get("server") or {}
    request = Request(
        flavor=name,
        devices=tuple(one for one in devices if one.count > 0),
        extra_specs=specs,
        server=str(server.get("id") or ""),
        status=str(server.get("status") or ""),
        host=server.get("host"),
        said=tuple(map(str, server.get("said") or ())),
    )
    return request, ok(FLAVOR, "", f"{name} asks for {text}")
