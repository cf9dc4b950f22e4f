"""What engines of instruction models share: how they ask, what they may not write, and how they choose."""
