"""Recorder: projects the attempts topic into the delivery log, and acts on the result."""
