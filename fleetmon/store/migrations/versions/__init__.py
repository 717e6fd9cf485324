"""One file a step; `down_revision` says which one it follows."""
