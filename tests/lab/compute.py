"""The compute host of a cloud: a QEMU guest with Debian's libvirt and nova-compute, on the network of its cloud."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import controller, debian_root, image, ini, openstack_settings, suites, zoo
from .cache import Cache, code_digest
from .machine import MEMORY_MIB, Lab, Machine
from .network import COMPUTE, SUBNET, TAP, Network
from .progress import Progress

PACKAGES = (
    *image.PACKAGES,
    "nova-compute",
    "nova-compute-kvm",
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
)


class Compute(Machine):
    """The guest; everything of a machine that stands alone but its disk, its network and where it is reached."""

    def __init__(self, directory: Path, lab: Lab, network: Network) -> None:
        """`directory` is the cloud's; the guest gets a folder in it."""
        super().__init__(lab, "compute", directory / "compute", network.prefix)
        self.network = network

    @property
    def recipe(self) -> image.Recipe:
        """The golden image it starts from."""
        return recipe(self.lab.cache)

    def create(self, suite: str, progress: Progress) -> None:
        """Make its disk, on the golden image."""
        if not (self.directory / "machine.json").exists():
            self._create(suite, zoo.CLOUD, MEMORY_MIB[zoo.CLOUD], progress)

    def start(self, progress: Progress) -> None:
        """Start QEMU unless it runs; returns at once."""
        if not self.running:
            self._start(progress)

    def wait(self, progress: Progress) -> None:
        """Wait for SSH after a start."""
        self._wait_for_boot(progress)

    def greets(self) -> bool:
        """Whether its SSH server greets."""
        return self.network.greets(COMPUTE)

    def _address(self) -> tuple[str, int]:
        return COMPUTE, 22

    def _network_options(self) -> dict[str, object]:
        return {"network": f"tap,id=ssh,ifname={TAP},script=no,downscript=no"}


def recipe(cache: Cache) -> image.Recipe:
    """The compute host's golden image; its packages are an entry of the cache of their own."""

    def make_root(build: image.Build) -> None:
        packages = _packages(build, cache)
        build.progress.say("copying the packages")
        subprocess.run(["cp", "-a", "--reflink=auto", str(packages / "root"), str(build.root)], check=True)
        debian_root.write_tree(build.scratch / "files", files(build.suite, build.root_uuid))
        subprocess.run(["cp", "-a", f"{build.scratch / 'files'}/.", str(build.root)], check=True)
        path = build.root / "etc/nova/nova.conf"
        text = ini.with_options(path.read_text(encoding="utf-8"), openstack_settings.nova_compute())
        path.write_text(text, encoding="utf-8")

    return image.Recipe(
        "compute",
        make_root,
        _inputs,
        zoo=zoo.CLOUD,
        values=_first_boot_network,
        disk_mib=6144,
        data_disk=False,
        boot_words="systemd.mask=nova-compute.service",
        # What libvirt finds out about its QEMU it remembers; under emulation that is most of a minute.
        first_boot_steps=(
            (
                "asking libvirt about its QEMU",
                "virsh domcapabilities --virttype kvm >/dev/null; virsh capabilities >/dev/null",
            ),
        ),
    )


def files(suite: str, root_uuid: str) -> dict[str, str]:
    """Files of the compute host, by path relative to its root."""
    return {
        **controller.system_files("cmp1"),
        **suites.sshd_files(suite),
        "etc/fstab": f"UUID={root_uuid} / ext4 defaults,noatime 0 1\n",
        "etc/systemd/network/10-ssh.network": (
            f"[Match]\nMACAddress={zoo.CLOUD_NIC_MAC}\n"
            f"[Network]\nAddress={COMPUTE}/{SUBNET.partition('/')[2]}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
        ),
        "etc/default/grub.d/00-lab.cfg": image.GRUB_DEFAULTS,
        # It tells systemd that it has started after 75 to 140 s under emulation; stopped at 90, it would start for ever.
        "etc/systemd/system/nova-compute.service.d/lab.conf": "[Service]\nTimeoutStartSec=900\nTimeoutStopSec=60\n",
    }


def _first_boot_network(port: int) -> dict[str, object]:
    """QEMU's own network, which knows the guest by the address it has in its cloud."""
    forward = f"hostfwd=tcp:127.0.0.1:{port}-{COMPUTE}:22"
    return {"network": f"user,id=ssh,net={SUBNET},host=10.77.0.254,dns=10.77.0.253,{forward}"}


def _contents(key: Path) -> debian_root.Contents:
    authorized = {"root/.ssh/authorized_keys": key.with_suffix(".pub").read_text(encoding="ascii")}
    return debian_root.Contents(PACKAGES, early=image.initramfs_files(), late=authorized)


def _package_inputs(suite: str, key: Path) -> dict[str, object]:
    contents = _contents(key)
    return {
        "suite": suite,
        "packages": list(contents.packages),
        "files": {**contents.early, **contents.late},
        "script": code_digest(Path(debian_root.__file__).read_text(encoding="utf-8")),
    }


def _packages(build: image.Build, cache: Cache) -> Path:
    def make(scratch: Path) -> None:
        debian_root.build(build.suite, scratch, scratch / "root", _contents(build.key), build.progress)

    return cache.get_or_build(f"compute-packages-{build.suite}", _package_inputs(build.suite, build.key), make)


def _inputs(suite: str, key: Path) -> dict[str, object]:
    suites.require(suite)
    return {
        "packages": _package_inputs(suite, key),
        "files": files(suite, ""),
        "nova": openstack_settings.nova_compute(),
        "nic": zoo.CLOUD_NIC_MAC,
        "script": [*image.build_code_digest(), code_digest(Path(__file__).read_text(encoding="utf-8"))],
    }
