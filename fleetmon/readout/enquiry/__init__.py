"""A merchant asks after money: which sale, where it stands, and what to say."""
