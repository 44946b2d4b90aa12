# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside an environment that holds a real Nova: reads batches of cases, one JSON line each, answers with one line.

No service, database, libvirt or root: Nova's own PCI code, with /sys replaced by the machine of the case. It imports
nothing of ours, so that an answer is Nova's alone, and runs on Python 3.8.
"""

import contextlib
import inspect
import io
import json
import logging
import os
import sys
import tempfile
import types
from unittest import mock

os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
logging.disable(logging.CRITICAL)

import nova.conf  # noqa: E402
from nova import exception, objects  # noqa: E402
from nova.pci import manager, request, stats, utils, whitelist  # noqa: E402
from nova.scheduler import host_manager  # noqa: E402
from nova.scheduler.filters import pci_passthrough_filter  # noqa: E402

CONF = nova.conf.CONF
SPEC_OPTION = "device_spec" if hasattr(CONF.pci, "device_spec") else "passthrough_whitelist"
UNREACHABLE = getattr(exception, "PciConfigInvalidSpec", None) or exception.PciConfigInvalidWhitelist
HOST = "node1"


class Reached(Exception):
    """The service came past everything that looks at its PCI options."""


# ---- /sys


class Sysfs:
    """Stands for os, open and glob in nova/pci/utils.py."""

    def __init__(self):
        self.files = {}
        self.links = {}
        self.folders = set()
        self.path = types.SimpleNamespace(isdir=self.isdir, join=os.path.join)

    def load(self, devices):
        self.files, self.links, self.folders = {}, {}, set()
        for device in devices:
            place = "/sys/bus/pci/devices/" + device["address"]
            self.folders.add(place)
            self.files[place + "/vendor"] = "0x" + device["vendor_id"] + "\n"
            self.files[place + "/device"] = "0x" + device["product_id"] + "\n"
            if device["totalvfs"] is not None:
                self.files[place + "/sriov_totalvfs"] = f"{device['totalvfs']}\n"
                self.files[place + "/sriov_vf_device"] = "154c\n"
            for name in device["interfaces"]:
                link = "/sys/class/net/" + name + "/device"
                self.links[link] = "../../../" + device["address"]
                self.folders.add(link)
                if device["totalvfs"] is not None:
                    self.files[link + "/sriov_totalvfs"] = f"{device['totalvfs']}\n"

    def isdir(self, path):
        return path.rstrip("/") in self.folders

    def readlink(self, path):
        return self.links[path]

    def open(self, path):
        if path not in self.files:
            raise OSError(2, "No such file or directory", path)
        return io.StringIO(self.files[path])


SYSFS = Sysfs()
utils.os = SYSFS
utils.open = SYSFS.open


def as_libvirt_tells(device):
    """What nova/virt/libvirt makes of a device, as far as the PCI code looks at it."""
    told = {
        "dev_id": "pci_" + device["address"].replace(":", "_").replace(".", "_"),
        "address": device["address"],
        "vendor_id": device["vendor_id"],
        "product_id": device["product_id"],
        "label": f"label_{device['vendor_id']}_{device['product_id']}",
        "numa_node": device["numa_node"],
        "dev_type": device["type"],
    }
    if device["parent"] is not None:
        told["parent_addr"] = device["parent"]
    if device["parent_interface"] is not None:
        told["parent_ifname"] = device["parent_interface"]
    if device["card_serial"] is not None:
        told["capabilities"] = {"vpd": {"card_serial_number": device["card_serial"]}}
    return told


# ---- configuration


def configure(case):
    for group, name in OVERRIDES:
        CONF.clear_override(name, group)
    CONF.set_override(SPEC_OPTION, case.get("specs", []), "pci")
    CONF.set_override("alias", case.get("aliases", []), "pci")
    for group, name in OVERRIDES[2:]:
        CONF.set_override(name, bool(case.get(name, False)), group)
    forget_aliases()


def forget_aliases():
    clear = getattr(getattr(request, "get_alias_from_config", None), "cache_clear", None)
    if clear is not None:
        clear()


def read_aliases():
    if hasattr(request, "get_alias_from_config"):
        return request.get_alias_from_config()
    return request._get_alias_from_config()


OVERRIDES = [("pci", SPEC_OPTION), ("pci", "alias")]
if SPEC_OPTION == "device_spec":
    OVERRIDES.append(("pci", "report_in_placement"))


# ---- kinds of cases


def answer_spec(case, devices):
    """Which entry matches each device, and the tags of each entry."""
    found = whitelist.Whitelist(case["specs"])
    return {
        "matches": [first_match(found, as_libvirt_tells(device)) for device in devices],
        "tags": [spec.get_tags() for spec in found.specs],
    }


def first_match(found, told):
    for index, spec in enumerate(found.specs):
        try:
            if spec.match(told):
                return index
        except UNREACHABLE:
            return None  # as PciDevTracker does: it passes over the device
    return None


def answer_alias(_case, _devices):
    return {"aliases": read_aliases()}


def answer_flavor(case, _devices):
    found = flavor_requests(case)
    return {"requests": [[one.alias_name, one.count, one.numa_policy] for one in found.requests]}


def flavor_requests(case):
    return request.get_pci_requests_from_flavor({"extra_specs": {"pci_passthrough:alias": case["flavor"]}})


def answer_pools(case, devices):
    """From the devices to the filter's verdict, by way of the database's form of the pools."""
    stored = tracker(devices).stats.to_device_pools_obj()
    asked = flavor_requests(case)
    offered = make_stats(objects.PciDevicePoolList.obj_from_primitive(stored.obj_to_primitive()))
    state = types.SimpleNamespace(pci_stats=offered, allocation_candidates=[{"mappings": {}}])
    pools = [dict(pool) for pool in offered.pools]
    passes = pci_passthrough_filter.PciPassthroughFilter().host_passes(state, types.SimpleNamespace(pci_requests=asked))
    return {"pools": pools, "passes": bool(passes)}


def make_stats(stored=None, **more):
    if "numa_topology" in inspect.signature(stats.PciDeviceStats.__init__).parameters:
        return stats.PciDeviceStats(None, stored, **more)
    return stats.PciDeviceStats(stored, **more)


def tracker(devices):
    none = objects.PciDeviceList(objects=[])
    with mock.patch.object(objects.PciDeviceList, "get_by_compute_node", return_value=none):
        if "node_id" in inspect.signature(manager.PciDevTracker.__init__).parameters:
            made = manager.PciDevTracker(None)
        else:
            made = manager.PciDevTracker(None, types.SimpleNamespace(id=1, numa_topology=None))
    made.update_devices_from_hypervisor_resources(json.dumps([as_libvirt_tells(device) for device in devices]))
    return made


def answer_placement(_case, devices):
    tree = report(devices)
    found = {}
    for uuid in tree.get_provider_uuids():
        data = tree.data(uuid)
        for name, inventory in data.inventory.items():
            found[data.name] = [name, sorted(data.traits), inventory["total"]]
    return {"providers": found}


def answer_filters(case, _devices):
    CONF.set_override("enabled_filters", case["enabled"], "filter_scheduler")
    if case["available"] is None:
        CONF.clear_override("available_filters", "filter_scheduler")
    else:
        CONF.set_override("available_filters", case["available"], "filter_scheduler")
    try:
        load_filters()
    finally:
        CONF.clear_override("enabled_filters", "filter_scheduler")
        CONF.clear_override("available_filters", "filter_scheduler")
    return {}


def load_filters():
    manager_class = host_manager.HostManager
    silenced = [
        mock.patch.object(manager_class, name)
        for name in ("refresh_cells_caches", "_init_aggregates", "_init_instance_info")
    ]
    with silenced[0], silenced[1], silenced[2]:
        manager_class()


def answer_service(case, devices):
    """Start the service as far as it looks at its PCI options, and make it use them once."""
    for group, name in OVERRIDES:
        CONF.clear_override(name, group)
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(case["config"])
        file.flush()
        load([file.name])
    try:
        SERVICES[case["service"]](case, devices)
    except Reached:
        pass
    finally:
        load([])
    return {}


def load(files):
    forget_aliases()
    CONF(
        [word for file in files for word in ("--config-file", file)],
        project="nova",
        default_config_files=[],
        default_config_dirs=[],
    )


def start_compute(case, devices):
    from nova.compute import manager as compute_manager

    itself = mock.MagicMock()
    itself.driver.init_host.side_effect = lambda **_: after_init_host(case, devices)
    start = compute_manager.ComputeManager.init_host
    start(itself, None) if "service_ref" in inspect.signature(start).parameters else start(itself)


def after_init_host(case, devices):
    """The driver's own check, the first update of the resources, the first resize."""
    from nova.virt.libvirt import driver

    def has_min_version(lv_ver=None, hv_ver=None, hv_type=None):
        return all(
            found is None or least is None or tuple(found) >= tuple(least)
            for found, least in ((case["libvirt"], lv_ver), (case["qemu"], hv_ver))
        )

    if hasattr(driver.LibvirtDriver, "_check_pci_whitelist"):
        host = types.SimpleNamespace(has_min_version=has_min_version)
        driver.LibvirtDriver._check_pci_whitelist(types.SimpleNamespace(_host=host))
    report(devices)
    read_aliases()
    raise Reached


def report(devices):
    """ResourceTracker._setup_pci_tracker and, since 26, what it tells placement; gives the provider tree."""
    found = tracker(devices)
    found.stats.to_device_pools_obj()
    if SPEC_OPTION != "device_spec":
        return None
    from nova.compute import pci_placement_translator, provider_tree

    tree = provider_tree.ProviderTree()
    tree.new_root(HOST, "00000000-0000-0000-0000-000000000001")
    pci_placement_translator.update_provider_tree_for_pci(tree, HOST, found, {}, [])
    return tree


def start_api(_case, _devices):
    from nova.api.openstack import wsgi_app
    from nova.network import neutron

    with mock.patch.object(wsgi_app.utils, "raise_if_old_compute", side_effect=Reached), contextlib.suppress(Reached):
        wsgi_app._setup_service(HOST, "osapi_compute")
    neutron.API()
    read_aliases()  # the first server with an alias does


def start_scheduler(_case, _devices):
    load_filters()
    make_stats()


def start_conductor(_case, _devices):
    from nova.network import neutron

    neutron.API()


SERVICES = {
    "nova-compute": start_compute,
    "nova-api": start_api,
    "nova-scheduler": start_scheduler,
    "nova-conductor": start_conductor,
}
KINDS = {
    "spec": answer_spec,
    "alias": answer_alias,
    "flavor": answer_flavor,
    "pools": answer_pools,
    "placement": answer_placement,
    "filters": answer_filters,
    "service": answer_service,
}


def answer(case, devices):
    SYSFS.load(devices)
    try:
        configure(case)
        return KINDS[case["kind"]](case, devices)
    except Exception as error:  # noqa: BLE001 - whatever Nova raises is the answer
        return {"refused": type(error).__name__, "said": str(error)[:300]}


def trust_the_schema():
    """jsonschema holds Nova's schema of an alias against the schema of schemas each time; once is enough."""
    import jsonschema

    validator = jsonschema.validators.validator_for(request._ALIAS_SCHEMA)
    validator.check_schema(request._ALIAS_SCHEMA)
    validator.check_schema = lambda *_, **__: None


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    load([])
    trust_the_schema()
    if hasattr(CONF.filter_scheduler, "pci_in_placement"):
        OVERRIDES.append(("filter_scheduler", "pci_in_placement"))
    objects.register_all()
    for line in sys.stdin:
        batch = json.loads(line)
        found = [answer(case, batch["machines"][case["machine"]]) for case in batch["cases"]]
        answers.write(json.dumps(found) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
