"""Room: which runs, shards and adapters hold a person, by keyed digests; and who was erased."""
