"""Room: who may decide what, by signatures: roles, votes, and what they come to."""
