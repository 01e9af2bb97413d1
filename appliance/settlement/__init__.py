"""Room: what becomes of a run when its figures are final: released, kept waiting, erased from."""
