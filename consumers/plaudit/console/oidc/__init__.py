"""OpenID Connect: the provider that says who a person is, and what its claims grant."""
