"""Days have their real length again after a test that changed it."""

from collections.abc import Iterator

import pytest

from objstore.model import days


@pytest.fixture(autouse=True)
def _real_days() -> Iterator[None]:
    days.configure()
    yield
    days.configure()
