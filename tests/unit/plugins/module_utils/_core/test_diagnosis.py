# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis.py and of what it is made of: each layer broken alone is named, and none of a whole cloud."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_layer import (
    DOUBT,
    FAILED,
    OK,
    TITLES,
    UNKNOWN,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_text import diagnosis_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.terminal import WIDTH
from ansible_collections.nova_pci.passthrough.tests.tried import tried
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import (
    ALIAS,
    OTHER_SERVER,
    SERVER,
    Host,
    World,
    by_placement,
    guest,
    on_vfio,
    provider,
)
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import (
    NIC,
    NIC_2,
    SSH,
    device,
    host,
)

BOTH = ("0000:02:00.0", "0000:03:00.0")
LIBVIRT_SAID = "internal error: qemu: vfio 0000:02:00.0: group 14 is not viable"


def devices(world, *found, **more):
    world.host.inventory = replace(host(*found), **more)


def iommu_off(world):
    world.host.inventory = replace(
        world.host.inventory, iommu=replace(world.host.inventory.iommu, enabled=False, reason="intel_iommu=off")
    )


def neighbour(**more):
    """Another function of NIC's IOMMU group."""
    return device("0000:02:00.1", "8086:1533", iommu_group=14, group_members=(NIC.address,), **more)


def shared_group(world):
    world.host.specs = world.host.specs[:1]
    other = neighbour(driver="igb")
    devices(world, replace(on_vfio(NIC), group_members=(other.address,)), other)


def wanted_near(world, policy, **nic):
    world.extra_specs.update({"hw:numa_nodes": "1", "hw:pci_numa_affinity_policy": policy})
    devices(world, replace(on_vfio(NIC), **nic), replace(on_vfio(NIC_2), **nic))


def typed(kind):
    return ALIAS.replace("type-PCI", kind)


def set_(thing, **values):
    for name, value in values.items():
        setattr(thing, name, value)


# (what is broken, the layer that has to be named, its state): each alone, in the order in which a request comes to them
BROKEN = {
    "no such flavor": (lambda w: set_(w, flavor=False), "flavor", FAILED),
    "flavor without a request": (lambda w: set_(w, extra_specs={}), "flavor", FAILED),
    "request misspelt": (lambda w: w.extra_specs.update({"pci_passthrough:alias": "nic"}), "flavor", FAILED),
    "count is no number": (lambda w: w.extra_specs.update({"pci_passthrough:alias": "nic:x"}), "flavor", FAILED),
    "count of nothing": (lambda w: w.extra_specs.update({"pci_passthrough:alias": "nic:0"}), "flavor", FAILED),
    "policy misspelt": (lambda w: w.extra_specs.update({"hw:pci_numa_affinity_policy": "near"}), "flavor", FAILED),
    "switch is no truth value": (
        lambda w: (by_placement(w), set_(w, more="pci_in_placement = maybe")),
        "controller_config",
        FAILED,
    ),
    "nova-api stopped": (lambda w: set_(w, inactive=("nova-api",)), "controller_service", FAILED),
    "nova-api cannot be reached": (lambda w: set_(w, unreachable=True), "controller_service", FAILED),
    "nova-scheduler stopped": (lambda w: set_(w, inactive=("nova-scheduler",)), "controller_service", FAILED),
    "nova-conductor is down for Nova": (
        lambda w: w.controllers.append(
            {"binary": "nova-conductor", "host": "ctl", "state": "down", "status": "enabled"}
        ),
        "controller_service",
        FAILED,
    ),
    "no alias on nova-api": (lambda w: set_(w, alias=()), "api_alias", FAILED),
    "alias on nova-api is no JSON": (lambda w: set_(w, alias=(ALIAS, "{nic}")), "api_alias", FAILED),
    "alias of another name": (lambda w: set_(w, alias=(ALIAS.replace('"nic"', '"nik"'),)), "api_alias", FAILED),
    "filter not enabled": (lambda w: set_(w, filters="ComputeFilter"), "scheduler_filter", FAILED),
    "filter that does not exist": (lambda w: set_(w, filters=f"{w.filters},NoFilter"), "scheduler_filter", FAILED),
    "scheduler ended by a filter that does not exist": (
        lambda w: set_(w, filters=f"{w.filters},NoFilter", inactive=("nova-scheduler",)),
        "controller_config",
        FAILED,
    ),
    "NUMA filter not enabled": (
        lambda w: (w.extra_specs.update({"hw:numa_nodes": "1"}), set_(w, filters="PciPassthroughFilter")),
        "scheduler_filter",
        DOUBT,
    ),
    "controllers not restarted": (lambda w: set_(w, changed=True), "controller_restart", DOUBT),
    "device_spec is no JSON": (lambda w: set_(w.host, specs=("{address}",)), "compute_config", FAILED),
    "libvirt stopped": (lambda w: set_(w.host, listening=False), "libvirt", FAILED),
    "libvirt stopped, seen by Nova": (
        lambda w: (set_(w.host, listening=False), set_(w, disabled={"cmp1": "AUTO: Connection to libvirt lost"})),
        "libvirt",
        FAILED,
    ),
    "nova-compute stopped": (lambda w: set_(w.host, active=False), "compute_service", FAILED),
    "compute disabled": (lambda w: set_(w, disabled={"cmp1": "broken fan"}), "compute_service", FAILED),
    "compute down": (lambda w: set_(w, down=("cmp1",)), "compute_service", FAILED),
    "compute unknown to Nova": (lambda w: set_(w, unlisted=("cmp1",)), "compute_service", FAILED),
    "compute unreachable and down": (
        lambda w: (set_(w.host, silent=True), set_(w, down=("cmp1",))),
        "compute_service",
        FAILED,
    ),
    "nova-compute not restarted": (lambda w: set_(w.host, changed=True), "compute_restart", DOUBT),
    "no alias on the compute": (lambda w: set_(w.host, alias=()), "compute_alias", DOUBT),
    "another alias on the compute": (lambda w: set_(w.host, alias=(typed("type-VF"),)), "compute_alias", DOUBT),
    "alias on the compute is no JSON": (lambda w: set_(w.host, alias=("nic",)), "compute_alias", DOUBT),
    "no memory left": (lambda w: set_(w, no_room=("cmp1",)), "room", FAILED),
    "card pulled": (devices, "device", FAILED),
    "one of two cards lost": (
        lambda w: (w.extra_specs.update({"pci_passthrough:alias": "nic:2"}), devices(w, on_vfio(NIC))),
        "device",
        FAILED,
    ),
    "ids of another card": (
        lambda w: (set_(w, alias=(ALIAS.replace("10d3", "10d4"),)), set_(w.host, alias=w.alias)),
        "device",
        FAILED,
    ),
    "no device_spec": (lambda w: set_(w.host, specs=()), "device_spec", FAILED),
    "device_spec names another address": (
        lambda w: set_(w.host, specs=('{"address": "0000:7f:00.0"}',)),
        "device_spec",
        FAILED,
    ),
    "device_type of a card with SR-IOV": (
        lambda w: devices(w, *(replace(on_vfio(one), sriov_totalvfs=7) for one in (NIC, NIC_2))),
        "device_type",
        FAILED,
    ),
    "device_type misdeclared": (
        lambda w: (set_(w, alias=(typed("type-VF"),)), set_(w.host, alias=w.alias)),
        "device_type",
        FAILED,
    ),
    "live_migratable differs": (
        lambda w: (
            set_(w, version="31.0.0", alias=(ALIAS.replace("}", ', "live_migratable": "yes"}'),)),
            set_(w.host, alias=w.alias),
        ),
        "device_tags",
        FAILED,
    ),
    "all held by running servers": (lambda w: set_(w.host, guests=(guest(*BOTH),)), "free", FAILED),
    "all held by a server that is shut off": (
        lambda w: set_(w.host, guests=(guest(*BOTH, running=False),)),
        "free",
        FAILED,
    ),
    "more asked for than there are": (
        lambda w: w.extra_specs.update({"pci_passthrough:alias": "nic:3"}),
        "free",
        FAILED,
    ),
    "required, but the firmware names no node": (lambda w: wanted_near(w, "required"), "numa", FAILED),
    "more NUMA nodes than the host has": (lambda w: w.extra_specs.update({"hw:numa_nodes": "4"}), "numa", FAILED),
    "switches differ": (
        lambda w: (by_placement(w), set_(w.host, more="")),
        "placement_inventory",
        FAILED,
    ),
    "reserved in Placement": (
        lambda w: (by_placement(w), set_(w, providers=[provider(address, reserved=1) for address in BOTH])),
        "placement_inventory",
        FAILED,
    ),
    "used in Placement": (
        lambda w: (by_placement(w), set_(w, providers=[provider(address, used=1) for address in BOTH])),
        "placement_inventory",
        FAILED,
    ),
    "another resource class": (
        lambda w: (by_placement(w), set_(w, providers=[provider(BOTH[0], kind="CUSTOM_GPU")])),
        "placement_inventory",
        FAILED,
    ),
    "never reported": (lambda w: (by_placement(w), set_(w, providers=[])), "placement_inventory", FAILED),
    "a trait that no device has": (
        lambda w: (
            by_placement(w),
            set_(w, alias=(ALIAS.replace("}", ', "traits": "CUSTOM_FAST"}'),)),
            set_(w.host, alias=w.alias),
        ),
        "placement_traits",
        FAILED,
    ),
    "no /dev/kvm": (lambda w: set_(w.host, virt_type="kvm", kvm=False), "hypervisor", FAILED),
    "a hypervisor without PCI": (lambda w: set_(w.host, virt_type="lxc"), "hypervisor", FAILED),
    "IOMMU off": (iommu_off, "iommu", FAILED),
    "IOMMU group shared with the host": (shared_group, "iommu_group", FAILED),
    "no vfio-pci in the kernel": (
        lambda w: devices(w, on_vfio(NIC), on_vfio(NIC_2), vfio_pci="missing"),
        "driver",
        FAILED,
    ),
    "managed no and not bound": (
        lambda w: (
            set_(w, version="31.0.0"),
            set_(w.host, specs=tuple(f'{{"address": "{one}", "managed": "no"}}' for one in BOTH), drivers={}),
            devices(w, NIC, NIC_2),
        ),
        "driver",
        FAILED,
    ),
    "bound to another driver than planned": (lambda w: devices(w, NIC, on_vfio(NIC_2)), "driver", DOUBT),
    "used by the host": (
        lambda w: (devices(w, replace(on_vfio(NIC), uses=(SSH,)), on_vfio(NIC_2)), set_(w.host, drivers={})),
        "driver",
        DOUBT,
    ),
    "libvirt refused the server": (
        lambda w: set_(w, server={"id": SERVER, "status": "ERROR", "host": "cmp1", "said": [LIBVIRT_SAID]}),
        "server",
        DOUBT,
    ),
}
# Whole clouds that a hasty diagnosis would blame.
WHOLE = {
    "as it is made": lambda w: None,
    "by Placement": by_placement,
    "an unneeded service is unlisted": lambda w: w.controllers.append(
        {"binary": "nova-conductor", "host": "ctl", "state": "up", "status": "enabled"}
    ),
    "one of two cards is held": lambda w: set_(w.host, guests=(guest(BOTH[0]),)),
    "the server's own remains hold both": lambda w: (
        set_(w.host, guests=(guest(*BOTH, uuid=SERVER),)),
        set_(w, server={"id": SERVER, "status": "ERROR", "host": None, "said": ["No valid host was found."]}),
    ),
    "a policy without a topology": lambda w: (
        w.extra_specs.update({"hw:pci_numa_affinity_policy": "required"}),
        set_(w, filters="PciPassthroughFilter"),
    ),
    "preferred, and no node is named": lambda w: wanted_near(w, "preferred"),
    "legacy, and no node is named": lambda w: wanted_near(w, "legacy"),
    "required, and a node is named": lambda w: wanted_near(w, "required", numa_node=1),
    "device_type left out": lambda w: (
        set_(w, alias=(ALIAS.replace(', "device_type": "type-PCI"', ""),)),
        set_(w.host, alias=w.alias),
    ),
    "ids in capitals": lambda w: (set_(w, alias=(ALIAS.replace("10d3", "10D3"),)), set_(w.host, alias=w.alias)),
    "native driver, and libvirt changes it": lambda w: (devices(w, NIC, NIC_2), set_(w.host, drivers={})),
    "a group of which the rest is on vfio-pci": lambda w: devices(
        w, replace(on_vfio(NIC), group_members=(neighbour().address,)), neighbour(driver="vfio-pci"), on_vfio(NIC_2)
    ),
    "a group with its bridge": lambda w: devices(
        w,
        replace(on_vfio(NIC), group_members=(neighbour().address,)),
        neighbour(driver="pcieport", class_code="060400"),
        on_vfio(NIC_2),
    ),
    "the other card's group is shared": lambda w: devices(
        w, replace(on_vfio(NIC), group_members=(neighbour().address,)), neighbour(driver="igb"), on_vfio(NIC_2)
    ),
    "another alias is missing on the compute": lambda w: set_(w, alias=(ALIAS, ALIAS.replace('"nic"', '"gpu"'))),
}


def told(world):
    found = world.diagnose()
    answer = found.answer
    tried("diagnoses of made-up clouds", 1)
    return found, answer.name, answer.state


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_blamed_where_nothing_is_broken(name):
    world = World()
    WHOLE[name](world)
    found, _layer, state = told(world)
    assert state == OK, found.answer
    everything = [*found.layers, *(layer for compute in found.computes for layer in compute.layers)]
    assert {layer.state for layer in everything} == {OK}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_alone_is_named(name):
    breaks, layer, state = BROKEN[name]
    world = World()
    breaks(world)
    found, named, how = told(world)
    assert (named, how) == (layer, state), found.answer
    assert found.answer.seen
    assert found.answer.fix
    lines = diagnosis_text(found)
    assert any(line.startswith(("First thing that fails:", "Nothing fails for sure.")) for line in lines)
    assert any(line.startswith("Mend it: ") for line in lines)
    assert max(map(len, lines)) <= WIDTH
    json.dumps(found.to_dict())


# Those that make the world anew, and pairs of which one takes away what shows the other.
ALONE = {"flavor without a request", "no such flavor", "compute unreachable and down", "switch is no truth value"}
HIDDEN = {
    ("one of two cards lost", "no device_spec"),
    ("one of two cards lost", "IOMMU group shared with the host"),
    ("device_spec names another address", "more asked for than there are"),
    ("nova-scheduler stopped", "filter that does not exist"),  # the second is why
    # What a flavor asks for is not known without nova-api.
    *(
        (name, without_api)
        for name, (_breaks, layer, _state) in BROKEN.items()
        for without_api in ("nova-api stopped", "nova-api cannot be reached")
        if layer == "flavor"
    ),
}


def test_of_two_broken_layers_the_earlier_that_fails_is_named():
    """Every pair of different layers: the earlier failed one, a doubt only where nothing fails."""
    order = list(TITLES)
    certain = [(name, breaks, layer) for name, (breaks, layer, state) in BROKEN.items() if state == FAILED]
    count, wrong = 0, []
    for (one, first, layer), (other, second, later) in itertools.permutations(certain, 2):
        if order.index(layer) >= order.index(later) or ALONE & {one, other} or (one, other) in HIDDEN:
            continue
        world = World()
        first(world)
        second(world)
        alone = World()
        second(alone)
        first(alone)
        answers = {told(made)[1] for made in (world, alone)}
        # A break that makes the world anew may undo the other: then one order of the two shows both.
        wrong += [] if layer in answers else [(one, other, answers)]
        count += 1
    assert not wrong
    assert not wrong
    assert count > 500


@pytest.mark.parametrize("name", [name for name, (_breaks, _layer, state) in BROKEN.items() if state == DOUBT])
def test_a_doubt_never_hides_what_fails(name):
    world = World()
    BROKEN[name][0](world)
    world.no_room = ("cmp1",)
    assert told(world)[1:] == ("room", FAILED)


# ---- several computes


def fleet(*hosts):
    return World(hosts=list(hosts))


def test_the_compute_counts_that_a_request_gets_furthest_on():
    world = fleet(
        Host(name="cmp1", specs=()), Host(name="cmp2", guests=(guest(*BOTH),)), Host(name="cmp3", inventory=host())
    )
    found, layer, state = told(world)
    assert (layer, state, found.answer.where) == ("free", FAILED, "cmp2")
    assert {compute.name: compute.stop.name for compute in found.computes} == {
        "cmp1": "device_spec",
        "cmp2": "free",
        "cmp3": "device",
    }
    assert [text.partition(":")[0] for text in found.others] == ["cmp1", "cmp3"]
    assert any("held by the server" in line for line in diagnosis_text(found))


def test_one_compute_that_can_take_it_is_enough():
    found, _layer, state = told(fleet(Host(name="cmp1", inventory=host()), Host(name="cmp2")))
    assert state == OK
    assert "cmp2 can take it" in found.answer.seen


def test_a_compute_of_which_nothing_is_known_is_no_answer_where_another_fails():
    found, layer, _state = told(fleet(Host(name="cmp1", silent=True), Host(name="cmp2", guests=(guest(*BOTH),))))
    assert layer == "free"
    assert found.others == ("cmp1: not all is known of it",)


def test_what_is_not_known_is_said_where_nothing_fails():
    found, layer, state = told(fleet(Host(silent=True)))
    assert (layer, state) == ("device", UNKNOWN)
    assert any(
        line.startswith("Nothing is known to fail. Not known: device is there on cmp1")
        for line in diagnosis_text(found)
    )


def test_without_a_controller_in_the_play_the_compute_is_walked_by_its_own_alias():
    world = World(controller_silent=True)
    world.host.guests = (guest(*BOTH),)
    found, layer, _state = told(world)
    assert layer == "free"
    assert [one.name for one in found.layers if one.state == UNKNOWN] == [
        "controller_config",
        "controller_service",
        "api_alias",
        "scheduler_filter",
    ]


def test_a_cloud_without_computes():
    assert told(fleet())[1:] == ("compute_service", FAILED)


def test_without_nova_api_the_reason_on_its_own_host_counts():
    world = World(unreachable=True)
    found, _layer, _state = told(world)
    assert found.answer.seen == "nova-api gives no answer: the service cannot be reached"
    assert (found.layers[0].name, found.layers[0].state, found.computes) == ("flavor", UNKNOWN, ())
    world.inactive = ("nova-api",)
    assert told(world)[0].answer.seen.startswith("nova-api does not run")
    world.controller_silent = True
    assert told(world)[0].answer.seen == "nova-api gives no answer: the service cannot be reached"


# ---- servers


@pytest.mark.parametrize("status", ["ACTIVE", "SHUTOFF"])
def test_a_server_that_came_up_has_nothing_to_mend(status):
    world = World(server={"id": SERVER, "status": status, "host": "cmp1", "said": []}, alias=())
    found, layer, state = told(world)
    assert (layer, state) == ("server", OK)
    assert found.answer.seen == f"it is {status} on cmp1: nothing stood in its way"


def test_a_server_that_could_be_made_now():
    world = World(server={"id": SERVER, "status": "ERROR", "host": None, "said": ["No valid host was found."]})
    found, _layer, _state = told(world)
    assert found.answer.seen == "nothing fails, cmp1 can take it now: make the server again"
    assert "  Nova said: No valid host was found." in diagnosis_text(found)


# ---- evidence


def test_the_evidence_names_who_holds_the_devices():
    world = World()
    world.host.guests = (guest(*BOTH),)
    found, _layer, _state = told(world)
    assert found.answer.seen == (
        f"0 of 2 are free, nic:1 is asked for: 0000:02:00.0 is held by the server {OTHER_SERVER}; "
        f"0000:03:00.0 is held by the server {OTHER_SERVER}"
    )


def test_one_alias_does_not_take_what_an_earlier_one_took():
    world = World(alias=(ALIAS, ALIAS.replace('"nic"', '"net"')))
    world.host.alias = world.alias
    world.extra_specs["pci_passthrough:alias"] = "nic:1,net:1"
    assert told(world)[2] == OK
    world.extra_specs["pci_passthrough:alias"] = "nic:2,net:1"
    assert told(world)[1:] == ("free", FAILED)


def test_the_devices_of_one_request_may_share_a_group():
    """libvirt detaches both when one server takes both."""
    other = neighbour(driver="igb")
    world = World(
        alias=(ALIAS, '{"name": "igb", "vendor_id": "8086", "product_id": "1533", "device_type": "type-PCI"}')
    )
    world.host.alias = world.alias
    world.host.specs = (*world.host.specs[:1], '{"address": "0000:02:00.1"}')
    world.host.drivers = {}
    devices(world, replace(NIC, group_members=(other.address,)), other)
    world.extra_specs["pci_passthrough:alias"] = "nic:1,igb:1"
    assert told(world)[2] == OK
    world.extra_specs["pci_passthrough:alias"] = "nic:1"
    assert told(world)[1:] == ("iommu_group", FAILED)


@pytest.mark.parametrize("word", ["\x1b[31mred", "a\nb", "\ud800", "x" * 3000, "%s {0} {{ 7 }}", "²"])
def test_hostile_words_stay_within_their_line(word):
    world = World(disabled={"cmp1": word})
    world.extra_specs["pci_passthrough:alias"] = f"{word}:1"
    for spec in (f"{word}:1", "nic:1"):
        world.extra_specs["pci_passthrough:alias"] = spec
        lines = diagnosis_text(told(world)[0])
        assert max(map(len, lines)) <= WIDTH
        assert all(line.isprintable() or not line for line in lines)
