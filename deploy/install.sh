#!/usr/bin/env bash
# On the air-gapped machine: check the wheelhouse against the digest on paper, install it, use no network.
#
#     ./install.sh DIGEST VENV [PYTHON]
#
# DIGEST is what wheelhouse.sh printed last. Exit 6: a file was altered, added or taken away, or the
# digest is another one. VENV must not exist: an upgrade is a new folder, the way back is the old one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "install.sh: error: $2" >&2; echo "install.sh: hint: $3" >&2; exit "$1"; }
[ $# -ge 2 ] || fail 2 "expected the digest on paper and a folder to install into" "./install.sh DIGEST VENV [PYTHON]"
digest=$1 venv=$2 python=${3:-python3.11}
cd "$here"
[ ! -e "$venv" ] || fail 2 "$venv is there already" "give a new folder; the old one is the way back"
command -v "$python" >/dev/null || fail 4 "no $python on this machine" "install.sh DIGEST VENV /path/to/python3.11"
[ -f SHA256SUMS ] || fail 6 "SHA256SUMS is missing" "copy the whole folder again"
[ "$(sha256sum SHA256SUMS | cut -d' ' -f1)" = "$digest" ] ||
  fail 6 "SHA256SUMS has another digest" "compare with the digest that wheelhouse.sh printed, copy the folder again"
sha256sum --check --strict --quiet SHA256SUMS >&2 || fail 6 "a file was altered or is missing" "copy the folder again"
extra=$(comm -13 <(cut -c67- SHA256SUMS | LC_ALL=C sort) <(find . -type f ! -path ./SHA256SUMS | LC_ALL=C sort))
[ -z "$extra" ] || fail 6 "a file was added: ${extra%%$'\n'*}" "copy the folder again"
# Nothing but what is checked above; no compiler, no network.
pip() { "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps --only-binary :all: --find-links "$here/wheels" "$@"; }
"$python" -m venv "$venv"
for lock in torch base; do
  [ ! -f "locks/$lock.lock" ] || pip --require-hashes -r "locks/$lock.lock"
done
[ ! -f locks/models.lock ] || pip --require-hashes --ignore-requires-python -r locks/models.lock
pip appliance
"$venv/bin/appliance" --version
