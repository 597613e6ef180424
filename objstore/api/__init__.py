"""What the outside speaks: S3 as a plain ASGI application, admin and console as FastAPI."""
