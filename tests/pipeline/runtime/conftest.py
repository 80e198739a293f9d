from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_server import PostgresServer, running_server
from tiny_site import Site, Walk


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site."""
    return Site(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that some of the tests stop and start again."""
    with running_server() as created:
        yield created


@pytest.fixture
def plaza(site: Site) -> Site:
    """Two cameras of four seconds: three people in the first, two of whom come through the second as well."""
    site.film("lobby", [Walk(0, 0.0, 3.0), Walk(1, 1.0, 4.0, (0.95, 0.05)), Walk(2, 3.2, 4.0, (0.0, 0.3))])
    site.film("street", [Walk(1, 0.0, 0.9, (0.5, 0.9)), Walk(0, 1.5, 4.0)])
    return site
