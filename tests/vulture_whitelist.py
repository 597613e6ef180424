# Used by frameworks, by name from outside, or part of a model that is whole on purpose. Read by vulture only.

# uvicorn, httptools and asyncio call or read these.
_.data_received
_.on_message_begin
_.on_header
_.on_headers_complete
_.on_body  # called by the parser
_.send_400_response
_.capture_signals
_.should_exit
_.total_requests
_.keep_alive
_.disconnected
_.get_buffer
_.buffer_updated
sizehint
_.waiting_for_100_continue
msg

# pydantic, typer, SQLAlchemy.
_.model_config
_.settings_customise_sources
dotenv_settings
file_secret_settings
_.uptime_seconds
_.rebalancing
_.total_shards
_.used_objects
_.quarantined
_.cache_ok
_.get_col_spec

# Read by name: counters (cli/counters.py), figures of a pass (asdict).
_.syncs
_.written_bytes
_.reclaimed_bytes
_.unlinked
_.moved_records

# Codes and states that S3 and the drawing board have.
ConditionalRequestConflict
COMPACTING
SUSPECT
DRAINING
_.set_state
bucket_settings  # objstore/meta/deletable.py: what object lock will ask
usage_by_prefix
arm  # failpoints: tests stop, race and crash what runs
disarm
pin  # objstore/meta/lifecycle_tables.py

# Fields of the admin API's models: names on the wire.
_.Key
_.Value
_.ObjectSizeGreaterThan
_.ObjectSizeLessThan
_.Tag_
_.And_
_.Date_
_.Days
_.ExpiredObjectDeleteMarker
_.StorageClass
_.NoncurrentDays
_.NewerNoncurrentVersions
_.DaysAfterInitiation
_.ID
_.Status
_.Transitions
_.NoncurrentVersionExpiration
_.NoncurrentVersionTransitions
_.AbortIncompleteMultipartUpload
_.is_delete_marker
_.overruled_by
_.next_attempt
_.seen_until
_.next_look
_.last_lag_seconds
_.left_volumes
_.left_open
_.left_bytes
_.from_days
_.to_days
_.raw_bytes_if_all_hot
_.raw_bytes_saved
_.hot_raw_bytes_avoided
_.cost_if_all_hot
_.cost_saved
_.remaining_seconds
RootKeyring
_.volumes_short_of_redundancy
_.under_protected
_.nines_by_windows
_.coincidence_drives
_.coincidence_loss
_.stripes
identity_tables
kms_tables
pace_tables

# Called by io, s3transfer, botocore, import, or the generated calls of objstore.client.
_.seekable
_.readinto
_.on_progress
__getattr__
_.typed
_.stream_output
Sender
AsyncSender

_.step_seconds
_.holds_bytes
_.delete_marker
_.last_access
_.fragments_total
_.extents_truncated
_.usable_bytes
_.days_left_tier
_.ttfb_p99_seconds
_.reduced_redundancy
_.requests_per_second
_.errors_per_second
_.objects_per_second
_.in_bytes_per_second
_.out_bytes_per_second
_.growth_bytes_per_day
_.full_at
_.by_bucket
_.by_client
_.thresholds
_.children
_.done_objects
_.done_bytes
CITUS  # a choice of --distributed
_.looked_until
_.idle_before
_.used_since
