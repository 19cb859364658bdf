"""The control plane's database: endpoints and their outbox."""
