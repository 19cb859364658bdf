"""Sign-in with OpenID Connect: the provider, and the permissions that its claims grant."""
