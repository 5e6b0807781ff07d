"""What grades the exercises: gradient checks, hints, pictures, progress."""
