"""Every bound in one place. Sizes in bytes, times in seconds; AWS's own limits are marked so."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

# AWS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
KEY_BYTES_MAX = 1024
OBJECT_BYTES_MAX = 5 * 1024 * GIB
PUT_BYTES_MAX = 5 * GIB
PART_NUMBER_MAX = 10_000
PART_BYTES_MIN = 5 * MIB
PART_BYTES_MAX = 5 * GIB
LIST_KEYS_MAX = 1000
DELETE_KEYS_MAX = 1000
USER_METADATA_BYTES_MAX = 2 * KIB
TAGS_MAX = 10
BUCKET_TAGS_MAX = 50
TAG_KEY_CHARS_MAX = 128
TAG_VALUE_CHARS_MAX = 256
BUCKETS_PER_OWNER_MAX = 10_000
PRESIGN_SECONDS_MAX = 7 * 24 * 3600
CLOCK_SKEW_SECONDS_MAX = 15 * 60

# Ours.
HEADER_BYTES_MAX = 32 * KIB
HEADER_COUNT_MAX = 200
HEADER_SECONDS_MAX = 30
CONNECTIONS_MAX = 10_000  # of one gateway worker; beyond, 503 before a byte is read
XML_BODY_BYTES_MAX = 2 * MIB  # 10,000 parts or 1,000 keys of 1 KiB fit
XML_DEPTH_MAX = 20
CHUNK_HEADER_BYTES_MAX = 16 * KIB
CHUNK_BYTES_MIN = 8 * KIB  # AWS: of aws-chunked, all chunks but the last; bounds the work that a byte can cause
BODY_STALL_SECONDS = 60.0  # a body that moves less than BODY_STALL_BYTES in this time is given up
BODY_STALL_BYTES = KIB

BLOCK_BYTES = 32 * KIB  # one checksum each: a range reads at most two blocks minus two bytes more than asked
ROWS_IN_FLIGHT_MAX = 4  # rows of one large object that are encoded or written at once
BATCH_ITEMS_MAX = 256
BATCH_BYTES_MAX = 8 * MIB
QUEUE_SECONDS_MAX = 2.0  # then 503 SlowDown
# The first byte of an answer leaves within 3 s, for pyarrow gives up then. Each step below has its own bound, and this
# one stands above them all: from the last byte of the request to the answer.
ANSWER_SECONDS_MAX = 2.5
READ_TIMEOUT_SECONDS = 2.0  # then the other columns
APPEND_SECONDS_MAX = 2.0  # a small durable write on a drive; a busy disk with flushes of 10 ms stays far below
STATEMENTS_SECONDS_MAX = 2.0  # what a client's request asks of Postgres in one go, waiting for a connection included
# What cannot be hurried: a large object's bytes on their way to a slow disk, and maintenance.
DRIVE_TIMEOUT_SECONDS = 20.0
MAINTENANCE_SECONDS_MAX = 20.0
LARGE_BODY_BYTES = MIB  # a body above this may take as long as its drives need to flush it
DRIVE_STUCK_SECONDS = 5.0  # a drive that takes up no call for this long, while some wait, gets no more
DRIVE_QUEUE_MAX = 4096  # calls that wait for one drive
FDS_OPEN_MAX = 2048
