# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import NetworkInterface, Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Identity, select
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, build_machine, load_machine
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import (
    E0,
    E1,
    GPU,
    GPU_IDS,
    GUEST,
    IDS,
    NIC,
    NIC_2,
    OCCUPIED,
    ROOT,
    SSH,
    USB,
    VF,
    VFS,
    card,
    chosen,
    complaints,
    device,
    host,
    run,
)

# ---- selectors

RICH = device(
    "0000:02:00.0",
    numa_node=1,
    serial="A1-B2",
    physical_slot="3",
    network_interfaces=(NetworkInterface("eth0", "52:54:00:AB:cd:ef"),),
)


@pytest.mark.parametrize(
    "entry",
    [
        {"vendor_id": "8086"},
        {"product_id": "10D3"},
        {"class": "02"},
        {"class": "020000"},
        {"address": "0000:02:00.0"},
        {"address": "02:00"},
        {"address": {"bus": "02"}},
        {"numa_node": 1},
        {"mac": "52:54:00:ab:cd:ef"},
        {"serial": "a1-b2"},
        {"slot": "3"},
        {"device_type": "type-PCI", "vendor_id": "8086"},
    ],
)
def test_each_selector_holds(entry: dict[str, object]) -> None:
    selection = run(host(RICH), entry)
    assert (chosen(selection), selection.problems, selection.refused) == (["0000:02:00.0"], (), ())


@pytest.mark.parametrize(
    "entry",
    [
        {"vendor_id": "10de"},
        {"product_id": "10d4"},
        {"class": "03"},
        {"address": "0000:02:00.1"},
        {"numa_node": 0},
        {"mac": "52:54:00:ab:cd:ee"},
        {"serial": "a1"},
        {"slot": "4"},
    ],
)
def test_all_selectors_must_hold(entry: dict[str, object]) -> None:
    wanted = {"vendor_id": "8086", "product_id": "10d3", **entry}
    selection = run(host(RICH), wanted)
    (problem,) = complaints(selection)
    assert chosen(selection) == []
    (wrong,) = entry
    assert problem.endswith(f"matches no device of this host. Nearest: {RICH.label} differs in {wrong} only")


@pytest.mark.parametrize(
    ("entry", "fix"),
    [
        ({"vendor_id": "8086"}, "Of vendor 8086 the host has "),
        ({"vendor_id": "10de"}, "The host has 144d:a808, 8086:10c9"),
        ({"mac": "52:54:00:00:00:01"}, "No PCI network card shows a MAC"),
    ],
)
def test_near_misses(entry: dict[str, object], fix: str) -> None:
    disk = device("0000:01:00.0", "144d:a808", class_code="010802")
    selection = run(host(disk, *card()), {**entry, "address": "0000:7f:00.0"} if "8086" in entry.values() else entry)
    (problem,) = complaints(selection)
    shown = f"Nearest: {card()[0].label} differs in address only" if "8086" in entry.values() else fix
    assert problem.endswith(shown)


def test_a_vendor_whose_products_are_others() -> None:
    selection = run(host(NIC, *card()), {"vendor_id": "8086", "product_id": "ffff", "slot": "9"})
    fix = "Of vendor 8086 the host has 8086:10c9, 8086:10d3"
    text = "'vendor_id: 8086, product_id: ffff, slot: 9' matches no device of this host"
    assert complaints(selection) == [f"{E0}: {text}. {fix}"]


def test_long_lists_are_cut() -> None:
    many = [device(f"0000:{bus:02x}:00.0", f"8086:{bus:04x}") for bus in range(1, 10)]
    (problem,) = complaints(run(host(*many), {"vendor_id": "10de"}))
    assert problem.endswith("The host has 8086:0001, 8086:0002, 8086:0003, 8086:0004, 8086:0005, 8086:0006 and 3 more")


def test_a_host_that_shows_nothing() -> None:
    (problem,) = complaints(run(host(), {"vendor_id": "10de"}))
    assert problem.endswith("The host shows no PCI device at all")


# ---- device_type


def test_the_type_is_held_against_the_hardware() -> None:
    selection = run(host(*card()), {"vendor_id": "8086", "product_id": "10c9", "device_type": "type-PCI"})
    assert complaints(selection) == [
        (
            f"{E0}.device_type: 'type-PCI' wants type-PCI, but 0000:04:00.0 (8086:10c9 igb) is type-PF. Write device_type: "
            "type-PF (a card with SR-IOV is a type-PF to Nova, also without any virtual function)"
        )
    ]


def test_functions_wanted_of_a_card_that_has_none() -> None:
    selection = run(host(*card()), {"product_id": "10c9", "device_type": "type-VF"})
    assert complaints(selection)[0].endswith(
        "Write device_type: type-PF, or have virtual functions created by an entry with num_vfs"
    )


def test_the_type_filters_a_broad_selector() -> None:
    selection = run(host(NIC, *card(2)), {"class": "02", "device_type": "type-VF"})
    assert chosen(selection) == ["0000:04:10.0", "0000:04:10.1"]
    assert selection.problems == ()


def test_an_exact_address_of_a_card_means_its_functions_where_vfs_are_wanted() -> None:
    selection = run(host(*card(2)), {"address": "0000:04:00.0", "device_type": "type-VF"})
    assert chosen(selection) == ["0000:04:10.0", "0000:04:10.1"]


# ---- safety


def test_of_two_identical_cards_the_spare_one_is_chosen() -> None:
    used = replace(NIC, uses=(SSH,))
    selection = run(host(used, NIC_2), IDS)
    assert chosen(selection) == ["0000:03:00.0"]
    assert selection.problems == ()
    assert [item.to_dict() for item in selection.refused] == [
        {
            "address": "0000:02:00.0",
            "entry": E0,
            "reason": f"is needed by the host: {SSH.detail}",
            "fix": OCCUPIED,
        }
    ]


@pytest.mark.parametrize("entry", [IDS, {"address": "0000:02:00.0"}])
def test_a_used_device_that_is_all_there_is(entry: dict[str, object]) -> None:
    used = replace(NIC, uses=(SSH,))
    selection = run(host(used), entry)
    assert chosen(selection) == []
    problem = f"{E0}: {NIC.label!r} is needed by the host: {SSH.detail}. {OCCUPIED}"
    assert complaints(selection) == [problem]


def test_one_that_is_named_is_an_error_even_beside_others() -> None:
    used = replace(NIC, uses=(SSH,), network_interfaces=(NetworkInterface("eno1", "52:54:00:00:00:01"),))
    selection = run(host(used, NIC_2), {"mac": "52:54:00:00:00:01"})
    assert len(selection.problems) == 1


@pytest.mark.parametrize(
    "kind", ["mount", "swap", "volume", "route", "address", "member", "connection", "console", "bmc"]
)
@pytest.mark.parametrize("driver", ["vfio-pci", "native"])
def test_every_kind_of_use_refuses(kind: str, driver: str) -> None:
    used = replace(NIC, uses=(Use(kind, "it is"),))
    assert len(run(host(used), {**IDS, "driver": driver}).problems) == 1


def test_a_device_that_shares_its_group_with_the_root_disk() -> None:
    disk = device("0000:02:00.1", "144d:a808", driver="nvme", iommu_group=14, uses=(ROOT,))
    selection = run(host(NIC, disk), IDS)
    assert complaints(selection) == [
        (
            f"{E0}: {NIC.label!r} cannot be handed out: {disk.label} shares IOMMU group 14 with 0000:02:00.0, and the host "
            f"needs that one: {ROOT.detail}. Move one of the two cards to another slot, or free the other device"
        )
    ]


def test_bridges_of_a_group_do_not_matter() -> None:
    bridge = device("0000:00:01.0", "8086:0001", class_code="060400", iommu_group=14, uses=(ROOT,))
    assert chosen(run(host(NIC, bridge), IDS)) == ["0000:02:00.0"]


def test_a_bridge_is_never_handed_out() -> None:
    bridge = device("0000:00:01.0", class_code="060400", driver="pcieport")
    selection = run(host(bridge, NIC_2), IDS)
    assert chosen(selection) == ["0000:03:00.0"]
    assert selection.refused[0].reason == "is a bridge, and bridges are never handed out"
    assert len(run(host(bridge), {"address": "0000:00:01.0"}).problems) == 1


def test_a_domain_that_nova_cannot_name() -> None:
    far = replace(NIC, address=parse_address("10000:01:00.0"))
    selection = run(host(far), IDS)
    assert complaints(selection) == [
        (
            f"{E0}: {far.label!r} is in a PCI domain above FFFF, which Nova cannot name. "
            "Switch Intel VMD off for its slot in the firmware setup"
        )
    ]


def test_a_guest_may_go_on_holding_what_stays_as_it_is() -> None:
    held = replace(NIC, driver="vfio-pci", uses=(GUEST,))
    assert run(host(held), IDS).problems == ()
    assert run(host(held), {**IDS, "driver": "native"}).problems == ()
    (problem,) = complaints(run(host(held), {**IDS, "driver": "igb_uio"}))
    assert "is held by a guest and would change its driver to igb_uio: instance-00000007 holds it" in problem


def test_a_card_with_functions_is_not_handed_out_itself() -> None:
    selection = run(host(*card(2)), {"product_id": "10c9"})
    assert complaints(selection) == [
        (
            f"{E0}: '0000:04:00.0 (8086:10c9 igb)' has 2 virtual functions, and cannot be handed out itself beside them. "
            "Set them to 0 first, or hand out the virtual functions instead (device_type: type-VF)"
        )
    ]


def test_a_function_in_the_group_of_its_own_card() -> None:
    pf, vf = card(1)
    selection = run(host(pf, replace(vf, iommu_group=20)), {"product_id": "10ca"})
    (problem,) = complaints(selection)
    assert "cannot be handed out without its own card: 0000:04:00.0 (8086:10c9 igb) shares IOMMU group 20" in problem


# ---- companions


def test_a_companion_that_the_host_needs_refuses_the_card() -> None:
    selection = run(host(GPU, replace(USB, uses=(Use("console", "the keyboard hangs on it"),))), GPU_IDS)
    (problem,) = complaints(selection)
    assert "is the USB function of the graphics card 0000:0a:00.0, and the host needs that one: the keyboard" in problem


def test_members_of_one_group_go_one_way() -> None:
    other = device("0000:02:00.1", product_id="1111", iommu_group=14)
    selection = run(host(NIC, other), IDS, {"product_id": "1111", "driver": "native"})
    (problem,) = complaints(selection)
    assert problem.endswith(f"and {E1} leaves it on its native driver. Write driver: vfio-pci in {E1} too")


def test_a_card_that_creates_functions_cannot_be_a_companion() -> None:
    other = replace(NIC, iommu_group=20)
    selection = run(host(other, *card()), IDS, {"product_id": "10c9", "num_vfs": 2})
    (problem,) = complaints(selection)
    assert f"and {E1} keeps that one on its own driver" in problem


# ---- two entries, one device


def test_two_entries_that_claim_one_device() -> None:
    selection = run(host(NIC, NIC_2), IDS, {"address": "0000:02:00.0"})
    fix = "Narrow one of the two, or make them one entry"
    assert complaints(selection) == [f"{E1}: {NIC.label!r} is claimed by {E0} as well. {fix}"]


def test_a_card_both_handed_out_and_split() -> None:
    selection = run(host(*card()), {"product_id": "10c9"}, {"product_id": "10c9", "num_vfs": 2})
    assert f"is claimed by {E0} as well" in complaints(selection)[-1]


# ---- virtual functions


def test_more_than_the_card_has() -> None:
    assert complaints(run(host(*card(total=7)), {**VFS, "num_vfs": 8})) == [
        f"{E0}.num_vfs: 8 is more than 0000:04:00.0 (8086:10c9 igb) can have, which is 7. Write 7 or less"
    ]


def test_a_card_without_sr_iov() -> None:
    assert complaints(run(host(NIC), {**IDS, "num_vfs": 2})) == [
        (
            f"{E0}.num_vfs: 2 cannot be had: {NIC.label} has no SR-IOV. "
            "Remove num_vfs, or switch SR-IOV on in the firmware setup or the card's own configuration"
        )
    ]


def test_a_card_that_is_not_there() -> None:
    (problem,) = complaints(run(host(NIC), {"product_id": "10c9", "vendor_id": "8086", "num_vfs": 2}))
    assert problem.endswith(f"Nearest: {NIC.label} differs in product_id only")


def test_functions_on_the_card_that_carries_the_connection() -> None:
    assert run(host(*card(uses=(SSH,))), VFS).problems == ()


def test_functions_on_the_root_disk() -> None:
    nvme = card(class_code="010802", uses=(ROOT,))
    assert f"is needed by the host: {ROOT.detail}" in complaints(run(host(*nvme), VFS))[0]


def test_functions_on_a_card_in_a_guest() -> None:
    assert "is held by a guest: instance-00000007 holds it" in complaints(run(host(*card(uses=(GUEST,))), VFS))[0]


def test_a_live_count_stays_while_a_function_is_in_use() -> None:
    pf, one, two = card(2)
    held = replace(two, driver="vfio-pci", uses=(GUEST,))
    assert complaints(run(host(pf, one, held), VFS)) == [
        (
            f"{E0}: '0000:04:00.0 (8086:10c9 igb)' has 2 virtual functions, and 4 would mean to remove all of them first, but "
            f"{held.label} is in use: {GUEST.detail}. Free it first, or write num_vfs: 2"
        )
    ]
    assert run(host(pf, one, held), {**VFS, "num_vfs": 2}).problems == ()


def test_an_existing_function_that_the_host_uses() -> None:
    pf, one, two = card(2)
    used = replace(two, uses=(Use("address", "enp4s0f0v1 has the address 10.1.0.5"),))
    selection = run(host(pf, one, used), {**VFS, "num_vfs": 2})
    problem = f"{used.label!r} is needed by the host: enp4s0f0v1 has the address 10.1.0.5. {OCCUPIED}"
    assert complaints(selection) == [f"{E0}: {problem}"]
    # left on their native drivers, the others can be handed out without it
    selection = run(host(pf, one, used), {**VFS, "num_vfs": 2, "driver": "native"})
    assert selection.problems == ()
    assert (chosen(selection), len(selection.refused)) == (["0000:04:10.0"], 1)


def test_functions_that_do_not_exist_yet_are_no_error() -> None:
    inventory = host(*card())
    selection = run(inventory, VFS, VF)
    assert selection.problems == ()
    assert [(str(item.parent.address), item.entry.index) for item in selection.expected] == [("0000:04:00.0", 1)]


@pytest.mark.parametrize(
    "more",
    [
        {"product_id": "1520"},
        {"vendor_id": "15b3"},
        {"class": "01"},
        {"numa_node": 1},
        {"slot": "1"},
        {"mac": "52:54:00:00:00:01"},
    ],
)
def test_future_functions_are_held_against_the_selectors_too(more: dict[str, object]) -> None:
    assert len(run(host(*card()), VFS, {**VF, **more}).problems) == 1


@pytest.mark.parametrize("address", ["0000:04:00.0", "0000:04:10.0", ":04:", {"bus": "04"}])
def test_future_functions_by_address(address: object) -> None:
    selection = run(host(*card()), VFS, {"address": address, "device_type": "type-VF"})
    assert (len(selection.expected), selection.problems) == (1, ())


def test_two_drivers_for_the_same_functions() -> None:
    selection = run(host(*card()), {**VFS, "driver": "vfio-pci"}, {**VF, "driver": "native"})
    assert complaints(selection) == [
        (
            f"{E0}.driver: 'vfio-pci' is the driver of the virtual functions of 0000:04:00.0 (8086:10c9 igb) here, and {E1} "
            "wants native. Write the same driver in both, or leave it out of the entry that has num_vfs"
        )
    ]


@pytest.mark.parametrize("now", [0, 4])
def test_functions_that_two_aliases_claim(now: int) -> None:
    selection = run(host(*card(now)), {**VFS, "alias": "a"}, {**VF, "alias": "b"})
    assert any(f"is claimed by {E0} as well" in text for text in complaints(selection))


def test_functions_that_two_takers_claim() -> None:
    selection = run(host(*card()), VFS, VF, {"vendor_id": "8086", **VF})
    assert complaints(selection) == [
        (
            "pci_passthrough_devices[2]: 'the virtual functions of 0000:04:00.0 (8086:10c9 igb)' is claimed by "
            f"{E1} as well. Narrow one of the two, or make them one entry"
        )
    ]


# ---- a MAC that is out of sight


def test_a_device_chosen_by_mac_is_found_again_once_it_has_left_its_driver() -> None:
    bound = replace(NIC, driver="vfio-pci")
    known = Identity(NIC.address, "52:54:00:00:00:01", "8086", "10d3")
    entries = parse_declaration([{"mac": "52:54:00:00:00:01"}])
    assert chosen(select(host(bound), entries, [known])) == ["0000:02:00.0"]
    assert chosen(select(host(bound), entries)) == []
    # ... but not where another card stands by now, or where the MAC shows somewhere else
    assert chosen(select(host(replace(bound, product_id="1572")), entries, [known])) == []
    moved = replace(NIC_2, network_interfaces=(NetworkInterface("eth0", "52:54:00:00:00:01"),))
    assert chosen(select(host(bound, moved), entries, [known])) == ["0000:03:00.0"]
    # ... nor where its twin stands, which the serial number tells
    numbered = replace(known, serial="a1")
    assert chosen(select(host(replace(bound, serial="b2")), entries, [numbered])) == []
    assert chosen(select(host(replace(bound, serial="a1")), entries, [numbered])) == ["0000:02:00.0"]
    assert chosen(select(host(bound), entries, [numbered])) == ["0000:02:00.0"]


def test_the_declared_id_of_the_functions_is_held_against_the_card() -> None:
    wrong = run(host(*card()), {**VFS, "vf_product_id": "1520"})
    said = "'1520' is not what the virtual functions of 0000:04:00.0 (8086:10c9 igb) call themselves"
    assert complaints(wrong) == [f'{E0}.vf_product_id: {said}. Write vf_product_id: "10ca"']
    assert run(host(*card()), {**VFS, "vf_product_id": "10ca"}).problems == ()


# ---- every way in which a host may need a device, on a built machine

NEEDED = {
    "0000:01:00.0": ["/boot/efi is mounted from nvme0n1p1", "/ is mounted from nvme0n1p2"],
    "0000:02:00.0": ["sda1 is part of the ZFS pool tank"],
    "0000:03:00.0": ["sdb belongs to bcache"],
    "0000:04:00.0": ["/var/lib/postgresql of process 4242 and its like is mounted from sdc"],
    "0000:05:00.0": ["team0 is built on eth0"],
    "0000:06:00.0": ["macvlan0 is built on eth1"],
    "0000:07:00.0": ["the console shows on its framebuffer fb0"],
    "0000:08:00.0": ["the console shows on the firmware's framebuffer (efifb) in its memory"],
    "0000:09:00.0": ["it is the only USB controller with a keyboard"],
    "0000:0b:00.0": ["ovs-vswitchd (process 812) holds it through /dev/vfio/11"],
    "0000:0c:00.0": ["ovs-vswitchd (process 812) holds it through /dev/uio0"],
    "0000:0d:00.0": ["ovs-vswitchd (process 812) holds it through /dev/infiniband/uverbs0"],
    "0000:0e:00.0": ["driverctl binds it to vfio-pci (/etc/driverctl.d/0000:0e:00.0)"],
    "0000:0f:00.0": ["os-net-config manages it (/var/lib/os-net-config/sriov_config.yaml)"],
    "0000:10:00.0": ["os-net-config manages it (/var/lib/os-net-config/dpdk_mapping.yaml)"],
    "0000:11:00.0": ["ids=10DE:1EB8,10de:1e82' means it (/etc/modprobe.d/gpu.conf:2)"],
    "0000:13:00.0": ["sdd is part of an LVM volume group (nothing there is active now)"],
    "0000:12:00.0": ["'softdep e1000e pre: vfio_pci' means it (/etc/modprobe.d/gpu.conf:4)"],
}


@pytest.fixture(scope="module")
def needed(tmp_path_factory):
    return build_inventory(read_machine(build("needed-in-every-way", tmp_path_factory.mktemp("machine"))))


@pytest.mark.parametrize("driver", ["vfio-pci", "native"])
@pytest.mark.parametrize("address", NEEDED)
def test_each_way_condemns_the_device_and_its_group(needed, address: str, driver: str) -> None:
    for one in (address, f"{address[:-1]}1"):
        (problem,) = complaints(run(needed, {"address": one, "driver": driver}))
        assert [detail for detail in NEEDED[address] if detail not in problem] == []
        whose = ("is needed by the host", "belongs to another tool")
        shared = ("and the host needs that one", "and that one belongs to another tool")
        assert any(words in problem for words in (whose if one == address else shared))


@pytest.mark.parametrize(("driver", "problems"), [("vfio-pci", 0), ("native", 0), ("igb_uio", 1)])
def test_what_libvirt_says_is_in_a_guest_keeps_its_driver(needed, driver: str, problems: int) -> None:
    found = complaints(run(needed, {"address": "0000:0a:00.0", "driver": driver}))
    assert len(found) == problems
    assert all("the guest instance-00000007 runs with it" in problem for problem in found)


# ---- every reason


def test_a_refusal_names_every_reason_and_every_member_of_the_group() -> None:
    used = replace(NIC, uses=(SSH, Use("route", "the default route leaves through eth0")))
    disk = device("0000:02:00.1", "144d:a808", driver="nvme", iommu_group=14, uses=(ROOT, Use("swap", "it swaps")))
    split = device("0000:02:00.2", "8086:10c9", iommu_group=14, virtual_functions=(parse_address("0000:02:10.0"),))
    (problem,) = complaints(run(host(used, disk, split), IDS))
    assert problem == (
        f"{E0}: {used.label!r} is needed by the host: {SSH.detail}; the default route leaves through eth0; and cannot be handed "
        f"out: {disk.label} shares IOMMU group 14 with 0000:02:00.0, and the host needs that one: {ROOT.detail}; it swaps; and "
        f"cannot be handed out: {split.label} shares IOMMU group 14 with 0000:02:00.0, and that one has virtual functions. "
        f"{OCCUPIED}. Move one of the two cards to another slot, or free the other device. Remove those virtual functions, or "
        "move one of the two cards to another slot"
    )


def test_a_card_names_every_reason_against_new_functions() -> None:
    nvme = card(class_code="010802", uses=(ROOT, Use("swap", "it swaps"), GUEST))
    (problem,) = complaints(run(host(*nvme), VFS))
    for detail in (ROOT.detail, "it swaps", f"is held by a guest: {GUEST.detail}"):
        assert detail in problem


def test_two_tools_do_not_share_the_functions_of_a_card() -> None:
    owned = card(uses=(Use("tool", "os-net-config manages it"),))
    (problem,) = complaints(run(host(*owned), VFS))
    assert "belongs to another tool: os-net-config manages it" in problem


# ---- functions in guests


@pytest.mark.parametrize(("count", "problems"), [(8, 0), (4, 1)])
def test_functions_in_guests_stay_with_their_card_as_long_as_their_number_stays(tmp_path, count, problems) -> None:
    """A PF says what its functions are used for; that alone is no reason to refuse what is there already."""
    machine = load_machine("sriov-8-vfs")
    card = next(name for name, facts in machine["devices"].items() if facts.get("sriov", {}).get("vfs") == 8)
    sriov = machine["devices"][card]["sriov"]
    sriov["driver"], sriov["drivers"] = "vfio-pci", {}
    machine["processes"] = {"77": {"comm": "qemu-system-x86", "fd": {"9": f"/dev/vfio/{sriov['groups_from']}"}}}
    inventory = build_inventory(read_machine(build_machine(machine, tmp_path)))
    assert [use.passed_up for use in inventory.device(parse_address(card)).uses if use.kind == "guest"] == [True]
    found = complaints(run(inventory, {"address": card, "num_vfs": count}))
    assert len(found) == problems
    assert all("would mean to remove all of them first" in text for text in found)
