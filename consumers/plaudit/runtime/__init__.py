"""Process concerns that every long-running command shares: logging, memory, the operations port."""
