"""IAM and STS: the query APIs as SDKs speak them, a form posted to ``/``."""
