"""Generates what follows from the schemas under `source/`: run `python -m plaudit.events.generate`.

`source/` is the one place where events are written down. From it come the self-contained schemas
under `avsc/`, their fingerprints, and the typed models.
"""
