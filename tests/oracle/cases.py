# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases by chance, half of them what an operator would write and half what nobody should.

Only a seed decides: the same seed, release and number give the same case on every machine.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

from .host import Host, random_host

# Of a hundred cases, so many of each kind; a release without a kind gives its share to the first.
SHARES = {"spec": 40, "alias": 16, "flavor": 10, "pools": 16, "placement": 9, "filters": 3, "service": 6}
HOSTS = 150  # made for a run; cases choose among them

SERVICES = ("nova-compute", "nova-compute", "nova-api", "nova-scheduler", "nova-conductor")
ALIASES = ("a1", "b1", "gpu")
TRUTHS = ("yes", "no", "true", "False", "1", "0", " On ", "maybe", "", True, False, 1, 0, 2, 1.0, None, [], {})
JUNK: tuple[Any, ...] = (8086, 0, -1, 1.5, True, False, None, [], ["8086"], {}, {"a": 1}, "")
RESOURCE_CLASSES = ("GPU", "gpu", "CUSTOM_GPU", "custom_gpu", "My gpu!", "VGPU", "pgpu", "", "__", "a.b")
TRAITS = (
    "A", "a", "A,B", "B, A", "CUSTOM_A", "custom_a,custom_a", "HW_GPU_API_VULKAN", "hw_gpu_api_vulkan", ",", "",
    "HW_NO_SUCH", "HW_NIC_SRIOV,a-b",
)  # fmt: skip
WORDS_OF_NOVA = ("count", "devices", "dev_type", "numa_node", "parent_ifname", "rp_uuid", "rp_uuids", "capability_type")
FILTERS = (
    "ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter", "ServerGroupAntiAffinityFilter",
    "PciPassthroughFilter", "NUMATopologyFilter", "JsonFilter", "AggregateInstanceExtraSpecsFilter", "IoOpsFilter",
)  # fmt: skip
ODD_FILTERS = (
    "AvailabilityZoneFilter", "RetryFilter", "AggregateCoreFilter", "...", "", "pcipassthroughfilter",
    "PciPassthroughFilter ", '"PciPassthroughFilter"', "ComputeFilter\nIoOpsFilter", "BaseHostFilter", "all_filters",
    "nova.scheduler.filters.pci_passthrough_filter.PciPassthroughFilter",
)  # fmt: skip
ALL_FILTERS = "nova.scheduler.filters.all_filters"
ONE_FILTER = "nova.scheduler.filters.pci_passthrough_filter.PciPassthroughFilter"


@dataclass(frozen=True)
class Case:
    """Shape: *given* is what goes to the worker as it is; *host* the machine that it is asked about."""

    kind: str
    host: Host
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(json.dumps([self.given, self.host.to_worker()]))

    def to_worker(self, machine: int) -> dict[str, Any]:
        return {**self.given, "kind": self.kind, "machine": machine}


def make_cases(seed: int, version: NovaVersion, start: int, count: int) -> list[Case]:
    """Cases *start* to *start* + *count* of a seed and release."""
    rng = random.Random(f"{seed} {version}")
    hosts = [random_host(rng, with_vdpa=version.major >= 23) for _each in range(HOSTS)]
    return [
        _make(random.Random(f"{seed} {version} {number}"), hosts, version) for number in range(start, start + count)
    ]


def _make(rng: random.Random, hosts: list[Host], version: NovaVersion) -> Case:
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    if kind == "placement" and not version.has_report_in_placement:
        kind = "spec"
    host = rng.choice(hosts)
    if kind == "service":
        host = Host(host.devices)  # the collection does not see vDPA devices when it looks at a service
    author = _Author(rng, host, version)
    return Case(kind, author.host, getattr(author, f"{kind}_case")())


def smaller(case: Case) -> list[Case]:
    """The same case with one thing less, for each thing that can go."""
    found = []
    for key in ("specs", "aliases", "enabled"):
        values = case.given.get(key) or []
        found += [
            Case(case.kind, case.host, {**case.given, key: values[:index] + values[index + 1 :]})
            for index in range(len(values))
        ]
    if "config" in case.given:
        lines = case.given["config"].splitlines(keepends=True)
        found += [
            Case(case.kind, case.host, {**case.given, "config": "".join(lines[:index] + lines[index + 1 :])})
            for index in range(len(lines))
        ]
    found += [Case(case.kind, case.host.without(device), case.given) for device in case.host.devices]
    for index, text in enumerate(case.given.get("specs") or []):
        specs = case.given["specs"]
        found += [
            Case(case.kind, case.host, {**case.given, "specs": [*specs[:index], less, *specs[index + 1 :]]})
            for less in _texts_with_less(text)
        ]
    return found


def _texts_with_less(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except ValueError:
        return []
    if isinstance(value, dict):
        return [json.dumps({other: value[other] for other in value if other != key}) for key in value]
    if isinstance(value, list):
        return [json.dumps(value[:index] + value[index + 1 :]) for index in range(len(value))]
    return []


class _Author:
    """Writes the texts of one case about one host."""

    def __init__(self, rng: random.Random, host: Host, version: NovaVersion) -> None:
        self.rng = rng
        self.host = host
        self.version = version

    # ---- the kinds

    def spec_case(self) -> dict[str, Any]:
        return {"specs": self.specs(), "report_in_placement": self.sometimes(0.3)}

    def alias_case(self) -> dict[str, Any]:
        return {"aliases": self.aliases(), "pci_in_placement": self.sometimes(0.4)}

    def flavor_case(self) -> dict[str, Any]:
        aliases = self.usable_aliases() if self.sometimes(0.6) else self.aliases(good=0.93)
        return {"aliases": aliases, "pci_in_placement": self.sometimes(0.2), "flavor": self.flavor(0.6)}

    def pools_case(self) -> dict[str, Any]:
        return {
            "specs": self.specs(good=0.97),
            "aliases": self.usable_aliases(),
            "flavor": self.flavor(0.98),
        }

    def placement_case(self) -> dict[str, Any]:
        return {"specs": self.specs(good=0.97), "report_in_placement": True}

    def filters_case(self) -> dict[str, Any]:
        available = self.rng.choice((None, None, [ALL_FILTERS], [ALL_FILTERS, ALL_FILTERS], [ONE_FILTER]))
        return {"enabled": self.filters(), "available": available}

    def service_case(self) -> dict[str, Any]:
        """A whole configuration: all the options, under their old names and twice as well."""
        lines = ["[pci]"]
        names = ("device_spec", "passthrough_whitelist")
        lines += [f"{self.rng.choice(names)} = {self.one_line(value)}" for value in self.specs(good=0.93)]
        lines += [f"alias = {self.one_line(value)}" for value in self.aliases(good=0.93)]
        if self.sometimes(0.5):
            lines.append(f"report_in_placement = {self.rng.choice(('true', 'false', 'on', '0'))}")
        lines.append("[filter_scheduler]")
        if self.sometimes(0.5):
            lines.append(f"enabled_filters = {','.join(name for name in self.filters() if chr(10) not in name)}")
        if self.sometimes(0.2):
            lines.append(f"available_filters = {self.rng.choice((ALL_FILTERS, ONE_FILTER))}")
        if self.sometimes(0.4):
            lines.append(f"pci_in_placement = {self.rng.choice(('True', 'no', '1'))}")
        lines += self.rng.choice(([], [], [], ["[DEFAULT]", "pci_alias = " + self.one_line(self.alias(0.97))]))
        return {
            "service": self.rng.choice(SERVICES),
            "config": "\n".join(lines) + "\n",
            "libvirt": self.rng.choice((None, [9, 0, 0], [10, 0, 0])),
            "qemu": self.rng.choice((None, [8, 2, 1], [8, 2, 2])),
        }

    # ---- device_spec

    def specs(self, good: float = 0.75) -> list[str]:
        return [self.spec(good) for _each in range(self.rng.choice((1, 1, 1, 2, 2, 3)))]

    def spec(self, good: float) -> str:
        fine = self.sometimes(good)
        if self.sometimes(0.15):
            return json.dumps([self.spec_object(fine) for _each in range(self.rng.choice((0, 1, 2, 2)))])
        text = json.dumps(self.spec_object(fine))
        return text if fine or self.sometimes(0.7) else self.spoiled(text)

    def spec_object(self, fine: bool) -> Any:
        if not fine and self.sometimes(0.08):
            return self.rng.choice(JUNK)
        device = self.rng.choice(self.host.devices)
        keys: dict[str, Any] = {}
        if self.sometimes(0.5):
            keys["vendor_id"] = self.an_id("vendor_id", device, fine)
        if self.sometimes(0.45):
            keys["product_id"] = self.an_id("product_id", device, fine)
        if self.sometimes(0.45):
            keys["address"] = self.address(device, fine)
        if self.sometimes(0.1 if fine else 0.2):
            keys["devname"] = self.interface(fine)
            if fine:
                keys.pop("address", None)
        self.add_tags(keys, fine)
        items = list(keys.items())
        self.rng.shuffle(items)
        return dict(items)

    def an_id(self, key: str, device: PciDevice, fine: bool) -> Any:
        right = str(getattr(device, key))
        if fine:
            return self.rng.choice((right, right, right, right.upper(), f"0x{right}", "*", f"0{right}", right[:2]))
        odd = ("10000", "zzzz", "80*", "1_0", "-1", "+" + right, f" {right} ", " * ", "0x", "**", "\uff11\uff10", right)
        return self.rng.choice((*odd, *JUNK))

    def address(self, device: PciDevice, fine: bool) -> Any:
        domain, bus, slot, function = self.fields(device)
        exact = str(device.address)
        if self.sometimes(0.3):
            return self.address_object(device, fine)
        if fine:
            return self.rng.choice((
                exact, exact, exact, exact.upper(), f"{bus}:{slot}.{function}", f"*:{bus}:{slot}.*", f":{bus}:{slot}.",
                f"{domain}:{bus}:{slot}", f"{domain}:{bus}:*.*", f"*:{bus}:*.*", f":{bus}:.", slot, bus, f".{function}",
                f"{domain}::.", f"0000{domain}:{bus}:{slot}.{function}" if len(domain) == 4 else exact, "*", "*.*", "",
                f" {domain} : {bus} : {slot} .{function}", f"*:*:*.{function}", "0000:18:18.0", f"{bus}:18.*", None,
            ))  # fmt: skip
        return self.rng.choice((
            f"{domain}:{bus}:{slot[0]}*.{function}", f"{exact[:-1]}[0-1]", f"pci_{domain}_{bus}_{slot}_{function}",
            f"{domain}:{bus}:{slot}:{function}", f"{domain}:{bus}:{slot}:{function}.9", f"{exact[:-1]}8",
            f"{domain}:{bus}:20.0", f"{domain}:100:00.0", f"10000:{bus}:{slot}.0", f"{domain}:-1:{slot}.0",
            f"0x{domain}:0x{bus}:0x{slot}.0x{function}", f"{domain}:0_3:{slot}.0", exact[:-1] + " ", " ", ".", ":", "::.",
            exact + " ", "\uff10:\uff10:\uff10.\uff10", "a" * 9, "..", exact + ".0", self.soup(), self.soup(), *JUNK,
        ))  # fmt: skip

    def address_object(self, device: PciDevice, fine: bool) -> dict[str, Any]:
        texts = dict(zip(("domain", "bus", "slot", "function"), self.fields(device)))
        if self.sometimes(0.35):
            return texts
        chosen: dict[str, Any] = {key: text for key, text in texts.items() if self.sometimes(0.55)}
        for key, text in list(chosen.items()):
            chosen[key] = self.rng.choice((
                text, text, text, text[0], ".*", "", f"{text}$", f"[{text[-1]}0-3]", f"[0-9a-f]{{{len(text)}}}", text + "?",
                f"({text}|00)", text.upper(), f"^{text}", "[0-3]", f"(?i){text.upper()}",
            ))  # fmt: skip
            if not fine and self.sometimes(0.4):
                chosen[key] = self.rng.choice(("[", "*", "(", "a{99999999999}", "0x" + text, f" {text}", "+", *JUNK))
        if self.sometimes(0.1 if fine else 0.3):
            chosen[self.rng.choice(("func", "Bus", "devices"))] = self.rng.choice(("0", "3b", 1, None))
        return chosen

    def interface(self, fine: bool) -> Any:
        names = [interface.name for one in self.host.devices for interface in one.network_interfaces]
        if fine or self.sometimes(0.3):
            return self.rng.choice((*names, *names, "ens9", ""))
        return self.rng.choice((*names, "ens9", *JUNK))

    def add_tags(self, keys: dict[str, Any], fine: bool) -> None:
        rng = self.rng
        truths = TRUTHS[:7] if fine else TRUTHS
        for tag in ("managed", "live_migratable", "one_time_use", "remote_managed", "trusted"):
            if self.sometimes(0.09):
                keys[tag] = rng.choice(truths)
        if self.sometimes(0.12):
            keys["physical_network"] = rng.choice(("physnet1", "physnet1", None, "") if fine else ("physnet1", *JUNK))
        if self.sometimes(0.15):
            keys["resource_class"] = rng.choice(RESOURCE_CLASSES if fine else (*RESOURCE_CLASSES, *JUNK))
        if self.sometimes(0.15):
            keys["traits"] = rng.choice(TRAITS if fine else (*TRAITS, *JUNK))
        if self.sometimes(0.08):
            name = rng.choice(("vendor", "Vendor_id", "switchdev", "x", *WORDS_OF_NOVA))
            keys[name] = rng.choice(("8086", "type-PF", "type-VF", "1", "pci", *JUNK))

    # ---- alias and flavor

    def aliases(self, good: float = 0.8) -> list[str]:
        return [self.alias(good) for _each in range(self.rng.choice((1, 1, 2, 2, 3)))]

    def usable_aliases(self) -> list[str]:
        """One for each name that a flavor may ask for, and now and then one that Nova has to think about."""
        given = [{**self.good_alias(), "name": name} for name in ALIASES]
        for one in given:
            device = self.rng.choice(self.host.devices)
            one.setdefault("vendor_id", device.vendor_id)
            one.setdefault("product_id", device.product_id)
        if self.sometimes(0.15):
            given.append({**self.good_alias(), "name": self.rng.choice(ALIASES)})
        return [json.dumps(one) for one in given]

    def alias(self, good: float) -> str:
        if self.sometimes(good):
            return json.dumps(self.good_alias())
        given = self.good_alias()
        for _each in range(self.rng.choice((1, 1, 2))):
            given[self.rng.choice(_ALIAS_KEYS)] = self.rng.choice((*_ODD_ALIAS_VALUES, *JUNK))
        text = json.dumps(given if self.sometimes(0.9) else [given])
        return text if self.sometimes(0.8) else self.spoiled(text)

    def good_alias(self) -> dict[str, Any]:
        device = self.rng.choice(self.host.devices)
        given: dict[str, Any] = {"name": self.rng.choice(ALIASES)}
        if self.sometimes(0.9):
            for key in ("vendor_id", "product_id"):
                right = str(getattr(device, key))
                given[key] = self.rng.choice((right, right, right, right.upper()))
        if self.sometimes(0.6):
            types = ("type-PCI", "type-PF", "type-VF")
            given["device_type"] = self.rng.choice((*types, device.device_type))
        if self.sometimes(0.2):
            given["numa_policy"] = self.rng.choice(sorted(self.version.numa_policies))
        if self.version.has_pci_in_placement and self.sometimes(0.15):
            given["resource_class"] = self.rng.choice(RESOURCE_CLASSES)
        if self.version.has_pci_in_placement and self.sometimes(0.1):
            given["traits"] = self.rng.choice(TRAITS)
        if self.version.major >= 31 and self.sometimes(0.2):
            given["live_migratable"] = self.rng.choice(("yes", "no", "true", "0"))
        if self.sometimes(0.03):
            given["capability_type"] = "pci"
        return given

    def flavor(self, good: float) -> str:
        if self.sometimes(good):
            names = self.rng.choices(ALIASES[: self.rng.choice((1, 2, 2, 3))], k=self.rng.choice((1, 1, 1, 2, 3)))
            return ",".join(f"{name}:{self.rng.choice((1, 1, 1, 2, 2, 3, 4, 0, -1))}" for name in names)
        return self.rng.choice((
            "", " ", "a1", "a1:", "a1:x", "a1:1,", ",a1:1", ":1", " a1 : 2 ", "a1:1_0", "a1:\u0661", "a1;1", "a1:1:1",
            "a1:+2", "a1:1.0", "A1:1", "nix:1", "nix:x", "a1:1,nix:1", "a1:x,nix:1", "a1:0x1", "gpu:1\t,b1:\n2", "a1:1e1",
        ))  # fmt: skip

    # ---- filters

    def filters(self) -> list[str]:
        known = self.rng.sample(FILTERS, self.rng.randint(0, 4))
        if self.sometimes(0.5):
            known.insert(self.rng.randint(0, len(known)), self.rng.choice(ODD_FILTERS))
        return known

    # ---- small things

    def sometimes(self, chance: float) -> bool:
        return self.rng.random() < chance

    def fields(self, device: PciDevice) -> tuple[str, str, str, str]:
        address = device.address
        return f"{address.domain:04x}", f"{address.bus:02x}", f"{address.slot:02x}", f"{address.function:x}"

    def soup(self) -> str:
        return "".join(self.rng.choices("01af:.*x _-", k=self.rng.randint(1, 9)))

    def spoiled(self, text: str) -> str:
        """A text that is no JSON any more, or not what it was."""
        return self.rng.choice((
            text + ",", text + " # why", text.replace('"', "'"), text[:-1], "", " ", "null", "5", '"x"', "[", text * 2,
            "[" + text + ",]", "\ufeff" + text, f"[[{text}]]", text[:-1] + ', "vendor_id": "10de"}', text.replace(":", "="),
        ))  # fmt: skip

    def one_line(self, text: str) -> str:
        """As it can stand in a configuration file: at times over two lines, as operators like to write."""
        if text.startswith("{") and ", " in text and self.sometimes(0.2):
            first, rest = text.split(", ", 1)
            return f"{first},\n    {rest}"
        return text


_ALIAS_KEYS = (
    "name", "vendor_id", "product_id", "device_type", "numa_policy", "capability_type", "resource_class", "traits",
    "live_migratable", "vendor", "devname",
)  # fmt: skip
_ODD_ALIAS_VALUES = (
    "", " a1 ", "x" * 256, "x" * 257, "0x8086", "*", "86", "80866", "8086\n", "\uff18\uff10\uff18\uff16", "type-pf", "type-vdpa",
    "vdpa", "socket", "Required", "legacy", "usb", "pci", "maybe", "yes", " No ", "GPU", "A,B",
)  # fmt: skip
