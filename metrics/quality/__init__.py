"""How good a tenant's data is: one figure of four parts, each with the list behind it; and what accounts lack."""
