"""One more compute host of a cloud: the golden image of the first with another name, address and machine id.

Debian 11's systemd takes no name from outside, so what tells hosts apart is written into its disk before it boots.
"""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

from . import controller, ini, zoo
from .compute import Compute
from .disk_files import DiskFiles
from .machine import MEMORY_MIB, Lab, Machine
from .network import COMPUTE, Network, compute_address, tap
from .progress import Progress

NETWORK_FILE = "/etc/systemd/network/10-ssh.network"
NOVA_CONF = "/etc/nova/nova.conf"


class AnotherCompute(Compute):
    """The guest with this number, 2 or more; cmp1 is `Compute` itself."""

    def __init__(self, directory: Path, lab: Lab, network: Network, number: int) -> None:
        """`directory` is the cloud's; the guest gets a folder in it."""
        name = f"compute{number}"
        # Compute's own names the first host, and is part of what its image is cached by.
        Machine.__init__(self, lab, name, directory / name, network.prefix)  # pylint: disable=non-parent-init-called
        self.network = network
        self.number = number

    def create(self, suite: str, progress: Progress) -> None:
        """Make its disk: a copy of the golden image with an identity of its own."""
        finished = self.directory / "identity"
        if finished.exists():
            return
        self._create(suite, zoo.CLOUD, MEMORY_MIB[zoo.CLOUD], progress)
        progress.say(f"giving compute host {self.number} a name of its own")
        image = self.lab.qemu(progress).image
        disk = self.directory / "disk.qcow2"
        with tempfile.TemporaryDirectory(dir=self.directory) as folder:
            raw = Path(folder) / "disk.raw"
            image("convert", "-O", "raw", str(disk), str(raw))
            files = DiskFiles(raw, Path(folder))
            former = {path: files.read(path) for path in (NETWORK_FILE, NOVA_CONF)}
            texts = identity(self.number, former)
            files.replace(texts)
            image("convert", "-O", "qcow2", str(raw), str(disk))
        # Without it a build that was cut off would leave a second cmp1 behind.
        finished.write_text(texts["/etc/hostname"], encoding="utf-8")

    def greets(self) -> bool:
        """Whether its SSH server greets."""
        return self.network.greets(compute_address(self.number))

    def _address(self) -> tuple[str, int]:
        return compute_address(self.number), 22

    def _network_options(self) -> dict[str, object]:
        return {
            "network": f"tap,id=ssh,ifname={tap(self.number)},script=no,downscript=no",
            "cloud_nic_mac": zoo.cloud_nic_mac(self.number),
        }


def identity(number: int, former: dict[str, str]) -> dict[str, str]:
    """The files that tell this compute host from the first, from what the first one's say of its network and Nova.

    SSH's host keys stay the same: nobody in the lab looks at them.
    """
    address = compute_address(number)
    hostname = f"cmp{number}"
    network = former[NETWORK_FILE].replace(zoo.CLOUD_NIC_MAC, zoo.cloud_nic_mac(number)).replace(COMPUTE, address)
    return {
        "/etc/hostname": f"{hostname}\n",
        "/etc/hosts": controller.system_files(hostname)["etc/hosts"] + f"{address} {hostname}\n",
        "/etc/machine-id": f"{uuid.uuid4().hex}\n",
        NETWORK_FILE: network,
        NOVA_CONF: ini.with_options(former[NOVA_CONF], {"DEFAULT": {"my_ip": address}}),
    }
