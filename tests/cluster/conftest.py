"""One small cluster for the tests of this directory: three nodes with two drives each, two gateways, a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import database_of, run_sql
from tests.harness.cluster import Cluster


@pytest.fixture(scope="package")
def cluster(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    run_sql(postgres_url, "CREATE DATABASE cluster")
    directory: Path = tmp_path_factory.mktemp("cluster")
    cluster = Cluster(directory, database_of(postgres_url, "cluster"), nodes=3, drives=2, gateways=2)
    try:
        yield cluster.start()
    finally:
        cluster.stop()
        run_sql(postgres_url, "DROP DATABASE cluster WITH (FORCE)")
