# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.cloud_call import COMPUTE, Answer, Call
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.cloud_trouble import (
    answer_trouble,
    cloud_name,
    connection_trouble,
    has_no_credentials,
)

CALL = Call(COMPUTE, "POST", "/flavors")


@pytest.mark.parametrize(
    ("exceptions", "text", "problem"),
    [
        (("ConfigException", "SDKException"), "Cloud x was not found.", "there is no such cloud in clouds.yaml"),
        (("MissingRequiredOptions", "OptionError"), "auth_url", "there are no credentials: no auth_url is given"),
        (("Unauthorized", "HTTPClientError"), "(HTTP 401)", "Keystone refuses the credentials"),
        (("ConnectFailure", "ConnectionError"), "refused", "Keystone cannot be reached"),
        (("SSLError", "ConnectionError"), "SSL", "the TLS certificate is not trusted"),
        (("DiscoveryFailure",), "certificate verify failed", "the TLS certificate is not trusted"),
        (("ServiceUnavailable", "HttpServerError"), "(HTTP 503)", "Keystone answers with an error"),
        (("ServiceDisabledException", "ConfigException"), "region", "the catalog has no endpoint for"),
    ],
)
def test_why_there_is_no_connection(exceptions: tuple[str, ...], text: str, problem: str) -> None:
    trouble = connection_trouble(exceptions, text, "lab")
    assert trouble.where == "cloud lab"
    assert trouble.problem.startswith(problem)
    assert trouble.problem.endswith(f"({text})")
    assert trouble.fix


def test_who_has_no_credentials() -> None:
    assert has_no_credentials(("MissingRequiredOptions", "OptionError"))
    assert not has_no_credentials(("Unauthorized", "HTTPClientError"))
    assert not has_no_credentials(("OddError",))


def test_what_nobody_foresaw() -> None:
    assert str(connection_trouble(("OddError", "SDKException"), "a\n  b", None)) == (
        "the environment (OS_AUTH_URL, OS_USERNAME, ...): OddError: a b. Check clouds.yaml and the cloud's services"
    )


def test_nested_exceptions_are_said_once() -> None:
    text = "Unable to reach http://c/v3: HTTPConnectionPool(host='c'): Max retries (Caused by X)"
    assert connection_trouble(("ConnectFailure",), text, "c").problem == (
        "Keystone cannot be reached (Unable to reach http://c/v3)"
    )


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (401, "the token is not accepted (401 why)"),
        (403, "these credentials may not do that (403 why)"),
        (406, "the service does not know the microversion that is asked for (406 why)"),
        (500, "the service failed (500 why)"),
        (503, "the service failed (503 why)"),
        (400, "the service says no (400 why)"),
        (409, "the service says no (409 why)"),
    ],
)
def test_why_a_request_was_refused(status: int, problem: str) -> None:
    trouble = answer_trouble(CALL, Answer(status, {"message": "why"}), "lab")
    assert (trouble.where, trouble.problem) == ("cloud lab, POST compute /flavors", problem)
    assert trouble.fix


def test_who_may_do_it() -> None:
    assert "role admin" in answer_trouble(CALL, Answer(403), None).fix


def test_the_cloud_s_name() -> None:
    assert cloud_name("lab") == "cloud lab"
    assert cloud_name(None) == cloud_name("") == "the environment (OS_AUTH_URL, OS_USERNAME, ...)"
