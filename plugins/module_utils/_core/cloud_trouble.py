# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the cloud cannot be asked, or said no: one sentence each, with the fix."""

from __future__ import annotations

import re

from .cloud_call import Answer, Call
from .errors import MachineProblem

_ENVIRONMENT = "the environment (OS_AUTH_URL, OS_USERNAME, ...)"

# By the name of what keystoneauth1 or openstacksdk raises: what happened, and what to do. {cloud} is where credentials come from.
_WORDS = {
    "ConfigException": (
        "there is no such cloud in clouds.yaml",
        (
            "Write its name as in clouds.yaml (looked for in the current directory, ~/.config/openstack and /etc/openstack, "
            "or at OS_CLIENT_CONFIG_FILE) into pci_passthrough_cloud"
        ),
    ),
    "NoCredentials": (
        "there are no credentials: no auth_url is given",
        (
            "Set pci_passthrough_cloud to a cloud of clouds.yaml, or OS_CLOUD or OS_AUTH_URL, OS_USERNAME and OS_PASSWORD in the "
            "environment of ansible-playbook"
        ),
    ),
    "Unauthorized": (
        "Keystone refuses the credentials",
        "Check user, password, project and both domains; `openstack token issue` with the same credentials shows the same",
    ),
    "EndpointNotFound": (
        "the catalog has no endpoint for the service, region and interface",
        "Check region_name and interface in clouds.yaml against `openstack catalog list`",
    ),
    "SSLError": (
        "the TLS certificate is not trusted",
        "Set cacert in clouds.yaml (or OS_CACERT) to the file of the authority that signed it",
    ),
    "KeystoneFailed": (
        "Keystone answers with an error",
        "See Keystone's log on the controller; its database or memcached may be down",
    ),
    "Away": (
        "the service cannot be reached",
        "Check that it runs and that its endpoint in the catalog can be reached from here",
    ),
    "Unreachable": (
        "Keystone cannot be reached",
        "Check auth_url, that Keystone runs and that no firewall or proxy is between it and this host",
    ),
}
_KINDS = {
    "MissingRequiredOptions": "NoCredentials",
    "MissingAuthPlugin": "NoCredentials",
    "NoMatchingPlugin": "NoCredentials",
    "OptionError": "NoCredentials",
    "AuthorizationFailure": "Unauthorized",
    "CatalogException": "EndpointNotFound",
    "ServiceDisabledException": "EndpointNotFound",
    "ConnectFailure": "Unreachable",
    "ConnectTimeout": "Unreachable",
    "ConnectionError": "Unreachable",
    "HttpServerError": "KeystoneFailed",
    "DiscoveryFailure": "Unreachable",
    "UnknownConnectionError": "Unreachable",
}
_SERVER_SIDE = 500


def cloud_name(cloud: str | None) -> str:
    return f"cloud {cloud}" if cloud else _ENVIRONMENT


def has_no_credentials(exceptions: tuple[str, ...]) -> bool:
    """Whether what was raised (names as for connection_trouble()) says that nobody has named a cloud."""
    return (
        next((kind for kind in (_KINDS.get(name, name) for name in exceptions) if kind in _WORDS), "")
        == "NoCredentials"
    )


def connection_trouble(
    exceptions: tuple[str, ...], text: str, cloud: str | None, call: Call | None = None
) -> MachineProblem:
    """*exceptions* are the names of the class that was raised and of those it derives from, the nearest first.

    Without *call* it was Keystone that was asked, for a token.
    """
    if "certificate verify failed" in text.lower():  # discovery wraps it
        exceptions = ("SSLError", *exceptions)
    for name in exceptions:
        kind = _KINDS.get(name, name)
        if kind in _WORDS:
            problem, fix = _WORDS["Away" if call is not None and kind == "Unreachable" else kind]
            return MachineProblem(cloud_name(cloud), f"{problem} ({_one_line(text)})", fix)
    name = exceptions[0] if exceptions else "an error"
    return MachineProblem(cloud_name(cloud), f"{name}: {_one_line(text)}", "Check clouds.yaml and the cloud's services")


def answer_trouble(call: Call, answer: Answer, cloud: str | None) -> MachineProblem:
    """Why a request was not answered with success."""
    where = f"{cloud_name(cloud)}, {call}"
    said = f"{answer.status} {_one_line(answer.message)}".rstrip()
    if answer.status == 401:
        return MachineProblem(where, f"the token is not accepted ({said})", _WORDS["Unauthorized"][1])
    if answer.status == 403:
        fix = "Use credentials with the role admin; the policy of the service names another role if yours was changed"
        return MachineProblem(where, f"these credentials may not do that ({said})", fix)
    if answer.status == 406:
        fix = "Nova must be Victoria (22) or newer; check compute's endpoint in the catalog"
        return MachineProblem(where, f"the service does not know the microversion that is asked for ({said})", fix)
    if answer.status >= _SERVER_SIDE:
        fix = "See the service's log on the controller (nova-api, glance-api, ...) for the time of this run"
        return MachineProblem(where, f"the service failed ({said})", fix)
    return MachineProblem(where, f"the service says no ({said})", "Mend what it names and run again")


def _one_line(text: str) -> str:
    """Without what urllib3 and requests add: the same once more, as the text of nested exceptions."""
    return " ".join(re.split(r":? HTTPS?Connection(?:Pool)?\(", text)[0].split())
