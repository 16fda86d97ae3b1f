"""Reading what customers write: its language, its sentiment and its themes. Pure: no Django below this folder."""
