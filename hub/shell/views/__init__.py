"""The staff's own pages: Today, accounts, search. Pages of one app lie in that app."""
