"""Data only: names, places and words, xz-compressed. Sources: PROVENANCE.md."""
