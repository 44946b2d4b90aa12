# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.server_story import (
    Clues,
    ComputeService,
    PciProvider,
    parse_computes,
    tell,
)

UP = ComputeService("cmp1", "up", "enabled")
DOWN = ComputeService("cmp2", "down", "enabled")
NO_VALID_HOST = "No valid host was found. There are not enough hosts available."


def clues(*texts: str, **more: Any) -> Clues:
    return Clues("a1", 2, texts, **more)


# What nova-api, nova-compute, libvirt and QEMU say, by the layer that must be named and a part of what it means.
REFUSED = [
    (400, "PCI alias a1 is not defined", "alias", "nova-api does not know the alias a1"),
    (400, "Invalid PCI alias definition: 'dev_type'", "alias", "nova-api cannot read its [pci]alias"),
    (403, "Quota exceeded for instances: Requested 1, but already used 10 of 10", "api", "quota"),
    (400, "Flavor's disk is too small for requested image.", "image", "the image wants a bigger flavor"),
    (400, "Flavor's memory is too small for requested image.", "image", "the image wants a bigger flavor"),
    (400, "Image 123 could not be found.", "image", "the image cannot be used"),
    (400, "Compute host cmp9 could not be found.", "compute", "Nova knows no compute cmp9"),
    (403, "Only volume-backed servers are allowed for flavors with zero disk.", "flavor", "flavors without a disk"),
    (409, "Multiple possible networks found, use a Network ID to be more specific.", "network", "the network cannot"),
    (400, "Network 1 requires a subnet in order to boot instances on.", "network", "the network cannot be used"),
    (500, "Unexpected API Error. <class 'ValueError'>", "flavor", "nova-api failed (HTTP 500)"),
    (503, "", "api", "nova-api failed (HTTP 503)"),
    (
        403,
        "Policy doesn't allow os_compute_api:servers:create:requested_destination",
        "api",
        "these credentials may not",
    ),
    (418, "I am a teapot", "api", "nova-api refused the server (HTTP 418)"),
]


@pytest.mark.parametrize(("status", "text", "layer", "what"), REFUSED)
def test_what_nova_api_refuses(status: int, text: str, layer: str, what: str) -> None:
    story = tell(clues(text, refused=status, wanted_host="cmp9"))
    assert story.layer == layer
    assert what in story.what
    assert story.said == text
    assert story.fix


BUILD = "Build of instance u aborted: "
QEMU = "internal error: qemu unexpectedly closed the monitor: 2026-01-01 qemu-system-x86_64: -device vfio-pci,host=02:00.0: "
FAILED = [
    (
        "unsupported configuration: host doesn't support passthrough of host PCI devices",
        "libvirt",
        "the IOMMU is off on cmp1",
    ),
    (f"{QEMU}vfio 0000:02:00.0: group 14 is not viable\nPlease ensure all devices within", "libvirt", "IOMMU group 14"),
    (
        "Requested operation is not valid: PCI device 0000:02:00.0 is in use by driver QEMU, domain instance-00000003",
        "libvirt",
        "0000:02:00.0 is held by another guest, instance-00000003",
    ),
    (
        "internal error: Unable to reset PCI device 0000:02:00.0: no FLR, PM reset or bus reset",
        "libvirt",
        "cannot be reset",
    ),
    (f"{QEMU}vfio 0000:02:00.0: failed to open /dev/vfio/14", "libvirt", "could not be handed to QEMU on cmp1"),
    ("internal error: Failed to load PCI stub module vfio-pci", "libvirt", "vfio-pci cannot be used"),
    (f"{QEMU}VFIO_MAP_DMA failed: Cannot allocate memory", "libvirt", "memory cannot be locked"),
    ("Could not open '/dev/vfio/14': Permission denied", "libvirt", "QEMU may not open the device"),
    (
        "Device 0000:02:00.0 not found: could not access /sys/bus/pci/devices/0000:02:00.0/config",
        "libvirt",
        "could not be",
    ),
    (
        "nova.exception.PciDeviceUnsupportedHypervisor: 'qemu' hypervisor does not support",
        "libvirt",
        "the hypervisor of",
    ),
    ("PCI device cmp1:0000:02:00.0 not found.", "claim", "no longer there on cmp1"),
    ("Insufficient compute resources: Claim pci failed.", "claim", "no 2 free device(s) for a1"),
    ("PCI device request [InstancePCIRequest(count=1)] failed", "claim", "no 2 free device(s) for a1"),
    ("Insufficient compute resources: Free memory 100.00 MB < requested 512 MB.", "claim", "refused the claim"),
    (f"{BUILD}Failed to allocate the network(s), not rescheduling.", "network", "Neutron could not"),
    ("Image 5 is unacceptable: Converted to raw, but format is now qcow2", "image", "the image cannot be used"),
    ("MessagingTimeout: Timed out waiting for a reply to message ID 1", "compute", "did not answer"),
    ("Something that nobody has seen", "compute", "the server went to ERROR on cmp1"),
]


@pytest.mark.parametrize(("text", "layer", "what"), FAILED)
def test_what_went_wrong_later(text: str, layer: str, what: str) -> None:
    story = tell(clues(text, status="ERROR", host="cmp1"))
    assert (story.layer, what in story.what) == (layer, True), story


@pytest.mark.parametrize(("text", "layer", "what"), [case for case in FAILED if case[1] in ("libvirt", "claim")])
def test_the_deepest_word_counts_below_a_no_valid_host(text: str, layer: str, what: str) -> None:
    story = tell(clues("Exceeded maximum number of retries. " + NO_VALID_HOST, text, status="ERROR", host="cmp1"))
    assert (story.layer, what in story.what) == (layer, True), story


@pytest.mark.parametrize(
    ("more", "layer", "what"),
    [
        ({"computes": (DOWN,)}, "compute", "is up and enabled (cmp2 down, enabled)"),
        ({"computes": ()}, "compute", "is up and enabled (none at all)"),
        ({"computes": (UP, DOWN), "wanted_host": "cmp2"}, "compute", "(cmp2 down, enabled)"),
        ({"computes": (UP,), "candidates": 0}, "placement", "enough memory, disk and processors"),
        (
            {"computes": (UP,), "candidates": 1, "providers": (PciProvider("cmp1_0000:02:00.0", 2, 1),)},
            "placement",
            "only 1 are free and a1 asks for 2 (cmp1_0000:02:00.0 1/2)",
        ),
        (
            {"computes": (UP,), "candidates": 1, "providers": (PciProvider("cmp1_0000:02:00.0", 2, 0),)},
            "filter",
            "found no 2 free device(s) for a1 on any compute that is up (cmp1)",
        ),
        ({"computes": (UP, DOWN), "wanted_host": "cmp1", "candidates": 1, "providers": ()}, "filter", "for a1 on cmp1"),
        ({}, "filter", "on any compute that is up (not known)"),
    ],
)
def test_no_valid_host_is_told_apart(more: dict[str, Any], layer: str, what: str) -> None:
    story = tell(clues(NO_VALID_HOST, status="ERROR", **more))
    assert (story.layer, what in story.what) == (layer, True), story
    assert story.said == NO_VALID_HOST


@pytest.mark.parametrize(
    ("more", "layer", "state"),
    [
        ({"task_state": "scheduling"}, "api", "(BUILD, task scheduling)"),
        ({"task_state": None}, "api", "(BUILD, task none)"),
        ({"task_state": "spawning", "host": "cmp1"}, "compute", "(BUILD, task spawning on cmp1)"),
    ],
)
def test_one_that_takes_too_long(more: dict[str, Any], layer: str, state: str) -> None:
    story = tell(clues(status="BUILD", seconds=600, **more))
    assert (story.layer, story.what) == (layer, f"the server was not active after 600 s {state}")
    assert story.said == ""
    assert "It said" not in str(story)


def test_a_story_in_one_line() -> None:
    story = tell(clues("PCI alias a1\n is not defined", "PCI alias a1 is not defined", "x" * 900, refused=400))
    assert str(story).startswith("[alias] nova-api does not know the alias a1. Run the role controller on every host")
    assert len(story.said) == 603
    assert story.said.startswith("PCI alias a1 is not defined | xxx")
    assert story.to_dict()["layer"] == "alias"


def test_services() -> None:
    raw = {
        "services": [
            {"host": "cmp1", "state": "up", "status": "enabled", "disabled_reason": None},
            {"host": "cmp2", "state": "down", "status": "disabled", "disabled_reason": "fan"},
        ]
    }
    up, down = parse_computes(raw)
    assert (up, up.is_ready) == (UP, True)
    assert (str(down), down.is_ready) == ("cmp2 down, disabled (fan)", False)
