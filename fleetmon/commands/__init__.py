"""What people type: one file for each command that is more than a few lines; the others are in `cli`."""
