"""Who is who in the lab's OpenStack, and what its configuration files say beyond what Debian's packages bring."""

from __future__ import annotations

from .ini import Options
from .network import COMPUTE, CONTROLLER

REGION = "RegionOne"
KEYSTONE = f"http://{CONTROLLER}:5000/v3"
ENDPOINTS = {
    "compute": ("nova", f"http://{CONTROLLER}:8774/v2.1"),
    "image": ("glance", f"http://{CONTROLLER}:9292"),
    "placement": ("placement", f"http://{CONTROLLER}:8778"),
    "network": ("neutron", f"http://{CONTROLLER}:9696"),
}
DATABASES = {
    "keystone": ("keystone",),
    "glance": ("glance",),
    "placement": ("placement",),
    "nova": ("nova", "nova_api", "nova_cell0"),
}
"""User of the database server -> databases."""

_MARK = "lab-secret"


def secret(whose: str) -> str:
    """A password that can be searched for in whatever must hold none."""
    return f"{_MARK}-{whose}"


def database(user: str, name: str) -> str:
    """Where a service finds a database of its own."""
    return f"mysql+pymysql://{user}:{secret(f'db-{user}')}@127.0.0.1/{name}"


def clouds_yaml() -> str:
    """The administrator's way in, for every OpenStack client."""
    return (
        "clouds:\n"
        "  lab:\n"
        "    auth:\n"
        f"      auth_url: {KEYSTONE}\n"
        "      username: admin\n"
        f"      password: {secret('admin')}\n"
        "      project_name: admin\n"
        "      user_domain_name: Default\n"
        "      project_domain_name: Default\n"
        f"    region_name: {REGION}\n"
        "    identity_api_version: 3\n"
    )


def keystone() -> Options:
    """/etc/keystone/keystone.conf."""
    return {
        "database": {"connection": database("keystone", "keystone")},
        "token": {"provider": "fernet"},
        "cache": {"enabled": "false"},
    }


def placement() -> Options:
    """/etc/placement/placement.conf."""
    return {
        "placement_database": {"connection": database("placement", "placement")},
        "keystone_authtoken": _checks_tokens("placement"),
    }


def glance() -> Options:
    """/etc/glance/glance-api.conf."""
    return {
        "DEFAULT": {"workers": "1", "enabled_backends": None},
        "database": {"connection": database("glance", "glance")},
        "keystone_authtoken": _checks_tokens("glance"),
        "glance_store": {
            "stores": "file,http",
            "default_store": "file",
            "default_backend": None,
            "filesystem_store_datadir": "/var/lib/glance/images",
        },
        "paste_deploy": {"flavor": "keystone"},
    }


def nova_controller() -> Options:
    """/etc/nova/nova.conf where the API, the scheduler and the conductor run."""
    common = _nova(CONTROLLER)
    return {
        **common,
        "DEFAULT": {**common["DEFAULT"], "osapi_compute_workers": "1"},
        "database": {"connection": database("nova", "nova")},
        "api_database": {"connection": database("nova", "nova_api")},
        "api": {"auth_strategy": "keystone"},
        "scheduler": {"discover_hosts_in_cells_interval": "10", "workers": "1"},
        "conductor": {"workers": "1"},
    }


def nova_compute() -> Options:
    """/etc/nova/nova.conf of the compute host, which must not reach a database."""
    return {
        **_nova(COMPUTE),
        "database": {"connection": None},
        "api_database": {"connection": None},
        # Servers run on an emulated processor inside an emulated one: naming a model gains nothing.
        "libvirt": {"cpu_mode": "none"},
    }


def _nova(address: str) -> dict[str, dict[str, str | None]]:
    return {
        "DEFAULT": {
            "transport_url": f"rabbit://openstack:{secret('rabbit')}@{CONTROLLER}:5672/",
            "my_ip": address,
            # There is no Neutron that would report a plugged port.
            "vif_plugging_is_fatal": "false",
            "vif_plugging_timeout": "0",
        },
        "keystone_authtoken": _checks_tokens("nova"),
        "placement": _logs_in("nova"),
        "service_user": _logs_in("nova"),
        "neutron": {
            **_logs_in("nova"),
            "endpoint_override": ENDPOINTS["network"][1],
            "service_metadata_proxy": "false",
        },
        "glance": {"api_servers": None, "endpoint_override": ENDPOINTS["image"][1]},
        "cinder": {"auth_type": None},
        "vnc": {"enabled": "false"},
        "spice": {"enabled": "false"},
    }


def _logs_in(user: str) -> dict[str, str | None]:
    return {
        "auth_url": KEYSTONE.removesuffix("/v3"),
        "auth_type": "password",
        "project_domain_name": "Default",
        "user_domain_name": "Default",
        "project_name": "service",
        "username": user,
        "password": secret(user),
        "region_name": REGION,
    }


def _checks_tokens(user: str) -> dict[str, str | None]:
    return {**_logs_in(user), "www_authenticate_uri": KEYSTONE.removesuffix("/v3")}
