"""Jobs in the database: their rows, their queue and their events."""
