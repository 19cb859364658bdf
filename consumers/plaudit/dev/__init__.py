"""The pipeline on one machine, with a broker, subscribers, sample traffic and a live view."""
