"""What happened in a span, what it cost, and whose money is at risk."""
