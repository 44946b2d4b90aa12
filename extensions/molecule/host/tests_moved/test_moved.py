"""After a boot with the card in another slot and its twin in its place: nothing is bound, and nova-compute is kept down.

The machine has no Nova: a unit of that name stands in for it (move.yml).
"""

from __future__ import annotations

import pytest


@pytest.fixture
def guard(host):
    return "\n".join(
        line.partition(": ")[2] for line in host.check_output("journalctl -b -u nova-compute -o short").splitlines()
    )


@pytest.mark.parametrize("name", ["twin_nic", "spare_nic"])
def test_neither_of_the_two_cards_is_bound(host, driver, address, name):
    assert driver(address[name]) == "e1000e"
    assert host.check_output(f"cat /sys/bus/pci/devices/{address[name]}/driver_override") == "(null)"


@pytest.mark.parametrize("name", ["gpu", "gpu_audio", "shared_edu"])
def test_the_others_are(driver, address, name):
    assert driver(address[name]) == "vfio-pci"


def test_the_initramfs_could_read_the_serial_number_and_says_so(host, address):
    said = [line for line in host.check_output("journalctl -b -k").splitlines() if "nova-pci-passthrough: " in line]
    assert any(f"failed {address['twin_nic']} has serial number 52-54-00-ff-ff-4c-00-07 now" in line for line in said)


def test_the_unit_says_it_too(host, address):
    said = host.check_output("journalctl -b -u nova-pci-passthrough")
    wrong = "has serial number 52-54-00-ff-ff-4c-00-07 now, not 52-54-00-ff-ff-4c-00-02 as planned"
    assert f"failed {address['twin_nic']} {wrong} (a card was added or moved); left alone; run the play again" in said


def test_nova_compute_is_not_started(host):
    # "activating": on an emulated machine each try may take so long that systemd never counts five of them in 10 s
    assert host.run("systemctl is-active nova-compute").stdout.strip() in ("failed", "activating")
    assert host.check_output("systemctl show -p ExecMainStartTimestamp --value nova-compute") == ""


def test_its_log_says_why_and_what_to_do(guard, address):
    # "systemctl status" shows the last try alone, and once systemd has counted five of them that one was not even begun
    assert "nova-compute is kept from starting" in guard
    assert f"the wrong device at {address['twin_nic']}" in guard
    assert "Run the play again" in guard


def test_its_status_leads_to_the_guard(host):
    assert "nova-pci-passthrough.conf" in host.run("systemctl status --no-pager --full nova-compute").stdout


def test_a_person_can_overrule_it_and_take_that_back(host, address, guard):
    assert f"failed {address['twin_nic']} has serial number" in guard
    word = "/run/nova-pci-passthrough-start-anyway"
    assert word in guard
    try:
        host.check_output(f"touch {word}")
        host.check_output("systemctl start nova-compute")
        assert host.service("nova-compute").is_running
    finally:
        host.check_output(f"rm -f {word}")
        host.check_output("systemctl stop nova-compute")
    assert host.run("systemctl start nova-compute").rc != 0
