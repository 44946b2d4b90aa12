"""The tests of this scenario use what all scenarios of a cloud share."""

from lab.scenario_fixtures import (
    address,
    cloud,
    compute,
    controller,
    passwords,
    pytest_configure,
    runs,
    settings,
    spec_option,
)

__all__ = [
    "address",
    "cloud",
    "compute",
    "controller",
    "passwords",
    "pytest_configure",
    "runs",
    "settings",
    "spec_option",
]
