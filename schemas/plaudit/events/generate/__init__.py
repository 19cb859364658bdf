"""Code generation from the schemas in `source/`: run `python -m plaudit.events.generate`.

`source/` is the only hand-written definition of events. The self-contained schemas under `avsc/`,
their fingerprints, and the typed models are generated from it.
"""
