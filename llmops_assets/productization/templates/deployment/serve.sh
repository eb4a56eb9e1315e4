#!/bin/sh
# Serves {{ product.product_name }} in the foreground: starts the server, creates the model in it, and stops with it.
# PYTHON, HOST, PORT and MODELS say with what, where, and where the server keeps its models.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
venv="$root/.run/venv/bin/python"
[ -x "$venv" ] || venv=python3
PYTHON=${PYTHON:-$venv}
HOST=${HOST:-127.0.0.1}
PORT=${PORT:-{{ port }}}
MODELS=${MODELS:-$root/.run/models}
export PYTHONPATH="$root/runtime" PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

mkdir -p "$MODELS"
"$PYTHON" -m llmops_assets.serving.embedded_server --host "$HOST" --port "$PORT" --models "$MODELS" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" || true; exit 0' TERM INT
if ! "$PYTHON" "$root/deployment/scripts/create_model.py" --url "http://127.0.0.1:$PORT"; then
    kill "$server" 2>/dev/null || true
    exit 1
fi
wait "$server"
