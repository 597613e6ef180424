"""One drive: append, sync, read, delete shards. The only room that opens files of data."""
