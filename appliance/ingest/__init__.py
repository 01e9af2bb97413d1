"""Files to a sealed corpus: readers, field mapping, privacy units, copies, split.

`stage.ingest` is the door; `split.split` puts people on sides, `split.read_sides` tells which.
"""
