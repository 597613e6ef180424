"""DIR/credentials: what it is called, and what its lines look like."""

import re

FILE_NAME = "credentials"
KEY_LINE = re.compile(r"^(?:export )?(AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY)=(\S+)$", re.MULTILINE)
