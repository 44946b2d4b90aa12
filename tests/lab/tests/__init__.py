"""Tests of the lab; those of pure parts need no machine."""
