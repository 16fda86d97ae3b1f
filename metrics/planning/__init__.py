"""The plan of a quarter that both teams own: segments with a priority, an owner on each side, a target, commitments."""
