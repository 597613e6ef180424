"""The S3 surface: requests in, verbs of the store, answers out."""
