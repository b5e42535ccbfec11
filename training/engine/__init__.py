"""What runs a training: its settings, its state, the loop, resuming and reporting."""
