# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import os
import threading
import time

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import ServiceUnit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import service as service_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Completed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.service import Services

UNIT = "nova-compute.service"
ARGV = ("systemctl", "restart", UNIT)
LOG = "/var/log/nova/nova-compute.log"
UP = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": "7", "NRestarts": "0",
      "Type": "simple", "Result": "success"}  # fmt: skip
STARTING = {**UP, "ActiveState": "activating", "SubState": "start", "MainPID": "0"}
LOOPING = {**UP, "ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "4", "Result": "exit-code"}
FAILED = {**UP, "ActiveState": "failed", "SubState": "failed", "MainPID": "0", "Result": "exit-code"}


class Machine:
    """Stands in for Commands: each `show` takes the next of *states*, the last one stays."""

    def __init__(self, *states, restart=0, journal="", on_restart=None):
        self.states = list(states)
        self.restart = restart
        self.journal = journal
        self.on_restart = on_restart or (lambda: None)
        self.ran = []
        self.installed = True

    def find(self, name):
        return f"/usr/bin/{name}" if self.installed else None

    def run(self, argv, timeout, keep_open=()):  # noqa: ARG002
        self.ran.append(" ".join(argv))
        if argv[1] == "show":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            if state is None:
                return Completed(tuple(argv), 1, stderr="Failed to connect to bus")
            return Completed(tuple(argv), 0, stdout="".join(f"{key}={value}\n" for key, value in state.items()))
        if argv[0] == "journalctl":
            return Completed(tuple(argv), 0 if self.journal else 1, stdout=self.journal)
        self.on_restart()
        return Completed(tuple(argv), self.restart, stderr="Job failed" if self.restart else "")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(service_module, "_PAUSE", 0.03)


@pytest.fixture
def log(tmp_path):
    place = tmp_path / LOG[1:]
    place.parent.mkdir(parents=True)
    place.write_text("2026-01-01 01:00:00.000 1 ERROR nova [-] of yesterday\n")
    return place


def services(tmp_path, machine, **options):
    given = {"settling": 0.2, "patience": 0.5, **options}
    return Services(Files(str(tmp_path)), machine, **given)


def restart(tmp_path, machine, probe=None, **options):
    services(tmp_path, machine, **options).restart(ServiceUnit(UNIT, (LOG,), probe), ARGV, 5)


def failure(tmp_path, machine, probe=None, **options):
    with pytest.raises(MachineProblem) as caught:
        restart(tmp_path, machine, probe, **options)
    assert caught.value.where == UNIT
    return caught.value.problem


class TestProof:
    def test_one_that_stays_up(self, tmp_path):
        machine = Machine(UP)
        restart(tmp_path, machine)
        assert machine.ran[0] == "systemctl restart nova-compute.service"
        assert machine.ran[1].startswith("systemctl show -p LoadState,ActiveState,")
        assert len(machine.ran) > 2

    def test_one_that_takes_its_time_to_start(self, tmp_path):
        restart(tmp_path, Machine(STARTING, STARTING, UP))

    def test_one_that_reloads_meanwhile_is_up(self, tmp_path):
        restart(tmp_path, Machine(UP, {**UP, "ActiveState": "reloading"}, UP))

    def test_one_that_never_gets_up(self, tmp_path):
        assert "is not up after 0.5 seconds (activating, start" in failure(tmp_path, Machine(STARTING))

    @pytest.mark.parametrize("state", [FAILED, LOOPING, {**FAILED, "ActiveState": "inactive"}])
    def test_one_that_ends_at_once_is_told_at_once(self, tmp_path, state):
        started = time.monotonic()
        assert failure(tmp_path, Machine(state), patience=30).startswith("does not run (")
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize(
        "later",
        [FAILED, LOOPING, {**UP, "NRestarts": "1"}, {**UP, "MainPID": "8"}],
        ids=["end", "loop", "count", "pid"],
    )
    def test_one_that_crashes_while_it_settles(self, tmp_path, later):
        assert failure(tmp_path, Machine(UP, UP, later)).startswith("does not stay up (")

    def test_one_that_notifies_settles_sooner(self, tmp_path, monkeypatch):
        monkeypatch.setattr(service_module, "SETTLING", {"notify": 0.0})
        monkeypatch.setattr(service_module, "SETTLING_OTHERS", 0.3)
        quick, slow = Machine({**UP, "Type": "notify"}), Machine(UP)
        restart(tmp_path, quick, settling=None)
        restart(tmp_path, slow, settling=None)
        assert len(quick.ran) == 2
        assert len(slow.ran) > 3

    def test_a_restart_that_fails(self, tmp_path):
        problem = failure(tmp_path, Machine(FAILED, restart=1))
        assert problem == "systemctl restart nova-compute.service ended with status 1 and said:\nJob failed"

    def test_systemd_that_does_not_answer(self, tmp_path):
        with pytest.raises(MachineProblem, match="Failed to connect to bus"):
            restart(tmp_path, Machine(None))

    def test_it_forgets_crashes_when_asked_to(self, tmp_path):
        machine = Machine(UP)
        services(tmp_path, machine).forgive(UNIT)
        assert machine.ran == [f"systemctl reset-failed {UNIT}"]


class TestBefore:
    @pytest.mark.parametrize(
        ("load", "words"),
        [
            ("not-found", "is not installed on this host. Install it"),
            ("masked", r"is masked. Take the mask off \(systemctl unmask nova-compute.service\)"),
            ("bad-setting", r"cannot be loaded by systemd \(it says bad-setting\). Mend the unit"),
        ],
    )
    def test_what_cannot_be_started(self, tmp_path, load, words):
        with pytest.raises(MachineProblem, match=f"{UNIT}: {words} and run again; nothing has been changed"):
            services(tmp_path, Machine({"LoadState": load})).require(UNIT)

    def test_what_can(self, tmp_path):
        services(tmp_path, Machine(FAILED)).require(UNIT)

    @pytest.mark.parametrize(
        ("state", "rests"),
        [
            (UP, False),
            (FAILED, False),
            (LOOPING, False),
            ({**UP, "ActiveState": "inactive"}, True),
            ({"LoadState": "masked", "ActiveState": "inactive"}, True),
            ({"LoadState": "not-found"}, True),
        ],
    )
    def test_what_rests(self, tmp_path, state, rests):
        assert services(tmp_path, Machine(state)).resting([UNIT]) == ({UNIT} if rests else set())

    def test_without_systemd_everything_rests(self, tmp_path):
        machine = Machine(UP)
        machine.installed = False
        assert services(tmp_path, machine).resting([UNIT]) == {UNIT}
        assert machine.ran == []


class Answering(http.server.BaseHTTPRequestHandler):
    statuses: tuple[int, ...] = ()
    asked = 0

    def do_GET(self):
        cls = type(self)
        status = cls.statuses[min(cls.asked, len(cls.statuses) - 1)]
        cls.asked += 1
        self.send_response(status)
        self.send_header("Location", "http://192.0.2.1/elsewhere")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def answers():
    """Return a function that starts a server of the given statuses and returns its URL."""
    servers = []

    def start(*statuses):
        handler = type("Handler", (Answering,), {"statuses": statuses, "asked": 0})
        server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v2.1?x=1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class TestProbe:
    @pytest.mark.parametrize("statuses", [(200,), (300,), (302,), (401,), (404,), (503, 500, 200)])
    def test_any_status_below_500_is_an_answer(self, tmp_path, answers, statuses, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
        restart(tmp_path, Machine(UP), answers(*statuses), settling=0)

    def test_errors_of_the_server_are_none(self, tmp_path, answers):
        problem = failure(tmp_path, Machine(UP), answers(503), settling=0)
        assert problem.startswith("runs, but http://127.0.0.1:")
        assert "answers with status 503 for 0.5 seconds" in problem

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://127.0.0.1:99999/", "https://127.0.0.1:9/"])
    def test_silence(self, tmp_path, url):
        assert "answers not at all (" in failure(tmp_path, Machine(UP), url, settling=0)


class TestWords:
    def appending(self, log, text):
        def append():
            with log.open("a") as stream:
                stream.write(text)

        return append

    def test_only_what_was_written_since_the_restart(self, tmp_path, log):
        machine = Machine(FAILED, on_restart=self.appending(log, "1 ERROR nova [-] of today\n"))
        problem = failure(tmp_path, machine)
        assert problem.endswith("and said:\n1 ERROR nova [-] of today")

    def test_a_log_that_is_new_or_was_rotated_or_cut_counts_as_a_whole(self, tmp_path, log):
        def rotate():
            log.rename(log.with_suffix(".1"))
            log.write_text("ERROR after rotation\n" + "longer than before\n" * 9)

        assert "after rotation" in failure(tmp_path, Machine(FAILED, on_restart=rotate))
        assert "after cut" in failure(tmp_path, Machine(FAILED, on_restart=lambda: log.write_text("ERROR after cut\n")))
        log.unlink()
        assert "in new" in failure(tmp_path, Machine(FAILED, on_restart=lambda: log.write_text("ERROR in new\n")))
        log.unlink()
        assert failure(tmp_path, Machine(FAILED)).endswith("and said nothing")

    def test_a_link_or_pipe_in_place_of_the_log_is_not_followed(self, tmp_path, log):
        (tmp_path / "shadow").write_text("ERROR root:secret\n")
        for make in (lambda: log.symlink_to(tmp_path / "shadow"), lambda: os.mkfifo(log), log.mkdir):
            if log.exists() or log.is_symlink():
                log.unlink()
            assert failure(tmp_path, Machine(FAILED, on_restart=make)).endswith("and said nothing")

    def test_of_a_huge_log_the_end_without_a_half_line(self, tmp_path, log):
        secret = "S3cr3t" * 10
        text = f"it was early\n{secret}" + "x" * (service_module._MOST_OF_A_LOG - 30) + "\nit is late\n"
        machine = Machine(FAILED, on_restart=self.appending(log, text))
        problem = failure(tmp_path, machine, redact=lambda told: told.replace(secret, "***"))
        assert problem.endswith("and said:\nit is late")

    def test_the_journal_is_asked_from_the_restart_on(self, tmp_path):
        machine = Machine(FAILED, journal="Main process exited\n")
        assert "Main process exited" in failure(tmp_path, machine)
        words = machine.ran[-1].split()
        assert words[:3] == ["journalctl", "-u", UNIT]
        assert abs(int(words[4].lstrip("@")) - time.time()) < 30

    def test_errors_are_told_rather_than_what_surrounds_them(self, tmp_path):
        stamp = "2026-01-01 10:00:00.{:03d} 7"
        journal = "\n".join(
            [
                "Started nova-compute.",
                f"{stamp.format(1)} INFO nova.service [None req-1 - - - -] Starting",
                f"{stamp.format(2)} CRITICAL nova [None req-1 - - - -] Unhandled error: Boom",
                f"{stamp.format(3)} ERROR nova Traceback (most recent call last):",
                f'{stamp.format(3)} ERROR nova   File "manager.py", line 1, in main',
                f"{stamp.format(3)} ERROR nova     raise Boom",
                f"{stamp.format(3)} ERROR nova nova.exception.Boom: no good",
                f"{stamp.format(3)} ERROR nova ",
                f"{stamp.format(9)} CRITICAL nova [None req-2 - - - -] Unhandled error: Boom",
                "Traceback (most recent call last):",
                '  File "x.py", line 1',
                "ValueError: plain",
                "Main process exited",
            ]
        )
        assert failure(tmp_path, Machine(FAILED, journal=journal)).partition("said:\n")[2].splitlines() == [
            f"{stamp.format(3)} ERROR nova nova.exception.Boom: no good",
            f"{stamp.format(9)} CRITICAL nova [None req-2 - - - -] Unhandled error: Boom",
            "ValueError: plain",
        ]

    def test_at_most_fifteen_lines_of_bounded_length(self, tmp_path):
        journal = "".join(f"ERROR number {number} {'x' * 600}\n" for number in range(40))
        lines = failure(tmp_path, Machine(FAILED, journal=journal)).partition("said:\n")[2].splitlines()
        assert [line.split()[2] for line in lines] == [str(number) for number in range(25, 40)]
        assert {len(line) for line in lines} == {500}

    def test_every_word_is_redacted_before_a_line_is_cut(self, tmp_path, log):
        secret = "S3cr3t-and-long"
        journal = f"ERROR {'x' * 485} {secret}\n"
        machine = Machine(FAILED, journal=journal, on_restart=self.appending(log, f"ERROR {secret}\n"))
        problem = failure(tmp_path, machine, redact=lambda text: text.replace(secret, "***"))
        assert "S3cr3t" not in problem
        assert problem.endswith("ERROR ***")
        assert "S3c" not in failure(tmp_path, Machine(FAILED, restart=1), redact=lambda text: "***")
