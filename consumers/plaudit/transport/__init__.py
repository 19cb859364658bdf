"""HTTP/1.1 POSTs to validated addresses; independent of webhooks."""
