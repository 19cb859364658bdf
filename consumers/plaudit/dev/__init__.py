"""The whole pipeline on one machine: a broker, sample subscribers, sample traffic, a live view."""
