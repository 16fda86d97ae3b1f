"""Named segments: accounts of which a rule is true, with who came and went."""
