"""What one terminal tells by itself: its beats, its parts, its wear, its habits. The shard asks them."""
