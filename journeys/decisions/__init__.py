"""Next best action: for each account the play that is worth most now, why, and what came of it."""
