"""The tests of this scenario use what all scenarios of a cloud share."""

from lab.scenario_fixtures import pytest_configure

__all__ = ["pytest_configure"]
