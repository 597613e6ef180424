"""The admin API: FastAPI with OpenAPI, below ``/-/admin/v1``, for root credentials."""
