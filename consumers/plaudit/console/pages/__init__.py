"""Pages: each is a function from a request to an answer."""
