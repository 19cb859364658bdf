"""Interactive documentation of the REST API at `/docs`: Swagger UI, served without the internet."""
