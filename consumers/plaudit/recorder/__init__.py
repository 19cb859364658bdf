"""Recorder: writes the attempts topic to the delivery log, and acts on the results."""
