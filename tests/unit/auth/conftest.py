"""Time stands at the moment of AWS's examples, but for the tests that sign by botocore, which looks at the clock."""

import pytest

from objstore.model import clock
from tests.unit.auth.wire import NOW_SECONDS


@pytest.fixture
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_seconds", lambda: NOW_SECONDS)
