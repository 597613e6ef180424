"""How a boto3 call is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[int, str]:
    """Status and code that the server refuses a call with."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
