"""Server profiles: settings that go together; whatever else is set goes before them."""

from typing import Any

# For test suites of other projects: the manners of AWS before 2023, and what those suites have to be able to do.
COMPAT: dict[str, Any] = {
    "account_id": "",
    "owners_manage": True,
    "object_ownership": "",
    "public_access_block": False,
    "lenient": True,
    "sse_c_over_http": True,
    "kms_keys": ["testkey-1", "testkey-2"],
    "lifecycle_day_seconds": 10,
    "access_log_seconds": 5,
    "workers": 1,  # what one client has set the next one sees at once, and a log is one object
}
PROFILES: dict[str, dict[str, Any]] = {"compat": COMPAT}
