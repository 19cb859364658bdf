"""HTTP/1.1 POSTs to addresses that were checked; knows nothing of webhooks."""
