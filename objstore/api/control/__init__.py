"""S3 Control: what is set for an account as a whole, as ``boto3.client("s3control")`` asks for it."""
