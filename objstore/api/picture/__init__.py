"""The picture: what the history and the ledger say of all data, worked out for one page; no SQL, no HTTP."""
