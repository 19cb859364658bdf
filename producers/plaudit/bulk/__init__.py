"""What jobs over many records share: they are watched, can be stopped, and hold back."""
