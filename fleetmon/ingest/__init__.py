"""The edge in: bytes from a broker or a recording become events. Acknowledged only once they are stored."""
