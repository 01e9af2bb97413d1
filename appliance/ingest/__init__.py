"""Files to a sealed corpus: readers, field mapping, privacy units, copies, split.

`stage.ingest` is the door; `split.split` puts people on sides; `sample_data.write_sample_data`
makes the synthetic clinic's letters.
"""
