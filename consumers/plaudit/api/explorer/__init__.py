"""Interactive documentation of the REST API at `/docs`: Swagger UI, which works offline."""
