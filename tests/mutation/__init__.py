"""Mutation testing: change one thing in the source, and see that a test fails."""
