"""The recorder: projects the attempts topic into the delivery log, and acts on what it sees."""
