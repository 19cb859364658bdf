"""Writer schemas: the topic that holds them, and their lookup."""
