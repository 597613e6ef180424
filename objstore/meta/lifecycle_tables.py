"""The schema of the lifecycle engine, on the same MetaData as tables.py and by the same rules.

    walk        how far a rule's action has come through what is due; its cursor only moves forward
    task        a version (or an upload) that somebody has to look at, and who has taken it
    rule_stats  what each action of a rule has done
    restored    the temporary hot copy of an archived version
    pin         a prefix whose objects stay on the hot tier for a while
    warm        a job that brings a prefix to the hot tier
    storage_class  names of the site's own storage classes, by their stored codes

A task is taken by setting ``ready`` to when the lease ends and ``owner`` to a token of that one taking. Whoever acts on
it deletes it, if it still has that token, in the transaction of the effect. ``again``: it was asked for once more while
somebody had it, so it has to be looked at once more.

``warm``: ``cursor`` is the key up to which objects were looked for; ``found_…``: objects, and bytes of payload, that
had to be moved, all of them once ``walked``; ``objects``, ``bytes``: moved so far. ``budget_bytes``: no more than that
is moved (NULL: no bound). ``days``: for so many an archived object gets its temporary copy. ``state``: see
meta/warm_jobs.py; ``finished`` is set when it is no more running. A pin's job has the id that the pin's name gives; it
looks again now and then, for what was modified ``since`` it began to look the last time (``created``).
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.tables import NAME, TIME, bucket, metadata, object_, upload, version
from objstore.meta.tables import _required as required
from objstore.model.states import UploadState

# What is walked by days without an access, off the hot tier: codes of Intelligent-Tiering and of its first archive.
BY_ACCESS_INDEX = "storage_class IN (4, 13) AND tier <> 0"
NONCURRENT_BY_ACCESS_INDEX = f"noncurrent_since IS NOT NULL AND {BY_ACCESS_INDEX}"
HAS_RULES = "(settings ? 'lifecycle' OR settings ? 'intelligent_tiering')"

walk = Table(
    "walk",
    metadata,
    required("bucket_id", BigInteger),
    required("rule", NAME),
    required("action", NAME),
    required("digest", BYTEA),
    # The last row that was looked at: NULL before the first. Where it goes by the day of the last access, that is
    # ``number``, and ``seq`` is when the row was modified, in microseconds.
    Column("time", TIME),
    required("number", BigInteger, "0"),
    required("key", BYTEA, "''"),
    required("seq", BigInteger, "0"),
    required("next_run", TIME, "now()"),
    required("found", BigInteger, "0"),
    PrimaryKeyConstraint("bucket_id", "rule", "action"),
    Index("walk_next_run_idx", "next_run"),
    postgresql_with={"fillfactor": 70},
)

task = Table(
    "task",
    metadata,
    required("bucket_id", BigInteger),
    required("due", TIME),
    required("queued", TIME, "now()"),
    required("ready", TIME, "now()"),
    required("attempts", Integer, "0"),
    required("kind", SmallInteger),
    required("again", Boolean, "false"),
    required("key", BYTEA),
    required("version_id", BYTEA),
    Column("owner", BYTEA),
    required("rule", NAME),
    required("action", NAME),
    Column("last_error", Text),
    PrimaryKeyConstraint("bucket_id", "key", "version_id", "kind"),
    Index("task_ready_idx", "ready"),
    postgresql_with={
        "fillfactor": 80,
        "autovacuum_vacuum_scale_factor": 0.0,
        "autovacuum_vacuum_threshold": 20000,
    },
)

rule_stats = Table(
    "rule_stats",
    metadata,
    required("bucket_id", BigInteger),
    required("objects", BigInteger, "0"),
    required("bytes", BigInteger, "0"),
    required("errors", BigInteger, "0"),
    required("lag_milliseconds", BigInteger, "0"),
    Column("last_done", TIME),
    Column("last_failed", TIME),
    required("rule", NAME),
    required("action", NAME),
    Column("last_error", Text),
    PrimaryKeyConstraint("bucket_id", "rule", "action"),
    postgresql_with={"fillfactor": 50},
)

restored = Table(
    "restored",
    metadata,
    required("bucket_id", BigInteger),
    required("until", TIME),
    required("requested", TIME, "now()"),
    required("state", SmallInteger),
    required("days", Integer),
    required("key", BYTEA),
    required("version_id", BYTEA),
    required("extents", BYTEA, "''"),
    PrimaryKeyConstraint("bucket_id", "key", "version_id"),
    Index("restored_until_idx", "until"),
)

pin = Table(
    "pin",
    metadata,
    required("bucket_id", BigInteger),
    required("prefix", BYTEA),
    required("until", TIME),
    required("budget_bytes", BigInteger),
    required("created", TIME, "now()"),
    PrimaryKeyConstraint("bucket_id", "prefix"),
    Index("pin_until_idx", "until"),
)

warm = Table(
    "warm",
    metadata,
    required("id", BYTEA),
    required("bucket_id", BigInteger),
    required("prefix", BYTEA),
    required("created", TIME, "now()"),
    required("state", SmallInteger),
    required("cursor", BYTEA, "''"),
    required("objects", BigInteger, "0"),
    required("bytes", BigInteger, "0"),
    required("found_objects", BigInteger, "0"),
    required("found_bytes", BigInteger, "0"),
    required("walked", Boolean, "false"),
    required("days", Integer),
    Column("budget_bytes", BigInteger),
    required("next_run", TIME, "now()"),
    Column("finished", TIME),
    Column("since", TIME),
    Column("last_error", Text),
    PrimaryKeyConstraint("id"),
    Index("warm_next_run_idx", "next_run", postgresql_where=text("finished IS NULL")),
)

storage_class = Table(
    "storage_class",
    metadata,
    required("code", SmallInteger),
    required("name", Text),
    PrimaryKeyConstraint("code"),
    Index("storage_class_name_idx", "name", unique=True),
)

# What the engine asks of the tables of others.
Index("bucket_lifecycle_idx", bucket.c.id, postgresql_where=text(HAS_RULES))
Index(
    "object_bucket_id_by_access_idx",
    object_.c.bucket_id,
    object_.c.accessed,
    object_.c.modified,
    postgresql_where=text(BY_ACCESS_INDEX),
)
Index(
    "version_bucket_id_by_access_idx",
    version.c.bucket_id,
    version.c.accessed,
    version.c.modified,
    postgresql_where=text(NONCURRENT_BY_ACCESS_INDEX),
)
Index(
    "upload_bucket_id_open_created_idx",
    upload.c.bucket_id,
    upload.c.created,
    upload.c.id,
    postgresql_where=text(f"state = {UploadState.OPEN.value}"),
)

event.listen(
    restored,
    "after_create",
    DDL("ALTER TABLE restored ALTER COLUMN extents SET STORAGE EXTERNAL"),  # type: ignore[no-untyped-call]
)
