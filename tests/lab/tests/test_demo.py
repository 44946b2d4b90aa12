"""An interrupted demo takes its cloud away again. Boots one for a moment, so it runs only where it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[1] / "demo.py"

pytestmark = pytest.mark.skipif(
    os.environ.get("NOVA_PCI_LAB_REAL") != "1", reason="boots a machine; NOVA_PCI_LAB_REAL=1 says that it may"
)


def processes_of(folder: Path) -> list[str]:
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def mounts() -> list[str]:
    """What is mounted, but for /run/netns itself: iproute2 mounts that with a machine's first namespace, for good."""
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.split()[1] != "/run/netns"]


def network_namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_mount_or_namespace(tmp_path: Path, stop: signal.Signals) -> None:
    runs = tmp_path / "run"
    mounted, namespaces = mounts(), network_namespaces()
    settings = {**os.environ, "NOVA_PCI_LAB_RUN": str(runs)}
    demo = subprocess.Popen([sys.executable, str(DEMO), "up"], env=settings, start_new_session=True)
    deadline = time.monotonic() + 1800  # the first time, the image is built before the machine starts
    while not (runs / "clouds.d" / "demo" / "compute" / "qemu.pid").exists():
        assert demo.poll() is None, "the demo ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert processes_of(runs)
    demo.send_signal(stop)
    assert demo.wait(timeout=120) == 128 + signal.SIGINT
    assert processes_of(runs) == []
    assert not (runs / "clouds.d" / "demo").exists()
    assert mounts() == mounted
    assert network_namespaces() == namespaces
    down = subprocess.run([sys.executable, str(DEMO), "down"], env=settings, check=False, timeout=120)
    assert down.returncode == 0
