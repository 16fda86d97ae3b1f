"""What journeys came to: accounts and messages by step, goals beside the held out, the time from signal to action."""
