"""The appliance: a raw file of records in, a signed adapter and an auditable report out.

The rooms, in the order of the product's sentence (see `pipeline.execute`):
`ingest` reads files into a sealed corpus; `redact` finds and replaces personal data;
`audit.canaries` plants what the audit will look for; `finetune` trains an adapter under
differential privacy; `evaluate` measures its use; `audit` attacks it; `gate` decides, purely;
`report` renders; `release` signs and verifies; `settlement` lets a run wait for people, releases it
or erases a person from it; `steward` measures, reviews and exports beside a run. Below them: `run`
(one run), `people` (roles and votes), `subjects` (who is where), `model` (the base model), `vault`
(the only way to write private bytes), `manifest`, `log`, `ledger`, `policy`,
`evidence`, `records`, `crypto`, `errors`. `cli` is the only door.
"""

__version__ = "0.1.0"
