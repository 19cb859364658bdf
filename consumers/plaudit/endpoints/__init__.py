"""Endpoints as the delivery path sees them: model, secrets, signatures, the table in memory."""
