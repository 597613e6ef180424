"""Who sent the request, and is its payload what was signed: SigV4, SigV2 presigned, aws-chunked, digests."""
