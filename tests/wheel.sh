#!/usr/bin/env bash
# Installs a built wheel into an environment of its own and runs the fast tests against it, away
# from the tree: what an editable install hides (a missing file, a missing package) shows here.
set -euo pipefail
wheel=$(realpath "$1")
python=$2
requirements=$(realpath "$3")
tests=$(realpath "$(dirname "$0")")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
bin=$folder/venv/bin
"$bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$requirements"
"$bin/python" -m pip install -q --disable-pip-version-check --no-deps "$wheel"

# What an upstream service installs: no extra, and nothing but what publishing needs.
sed 's/ \\$//; /--hash/d' "$requirements" >"$folder/pins.txt"
"$python" -m venv "$folder/bare"
"$folder/bare/bin/python" -m pip install -q --disable-pip-version-check -c "$folder/pins.txt" "$wheel"
(cd "$folder" && bare/bin/python "$tests/bare.py")

cp -r "$tests" "$tests/../docs" "$tests/../deploy" "$folder/"
cp "$tests/../pyproject.toml" "$tests/../SECURITY.md" "$folder/"
cd "$folder"
where=$("$bin/python" -c 'import plaudit.events; print(plaudit.events.__file__)')
case $where in
    "$folder"/*) ;;
    *) echo "the tests would import $where, not the wheel"; exit 1 ;;
esac
"$bin/plaudit" --version
"$bin/python" -m pytest -q -n 2 --dist worksteal -m "not broker and not docker and not nightly and not tree" tests
