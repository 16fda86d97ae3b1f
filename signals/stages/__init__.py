"""The one lifecycle stage of an account: by rules in order that each tenant may edit, and what people set instead."""
