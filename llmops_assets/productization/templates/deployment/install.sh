#!/bin/sh
# Installs {{ product.product_name }} {{ product.version }} into .run/ of this folder, starts its server, and asks one question.
#   sh deployment/scripts/install.sh [--python PATH] [--port N]
# --python uses that Python with the packages it has; otherwise a virtual environment is made.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
run="$root/.run"
python=""
port={{ port }}

fail() { echo "install: $1" >&2; exit 1; }

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "expected a value after $1"
    case "$1" in
        --python) python=$2 ;;
        --port) port=$2 ;;
        *) fail "expected --python PATH or --port N, got $1" ;;
    esac
    shift 2
done

base=${python:-python3}
command -v "$base" >/dev/null 2>&1 || fail "no Python at $base; install Python {{ python_minimum }} or name one with --python"
"$base" -c 'import sys; sys.exit(sys.version_info < ({{ python_minimum|replace(".", ", ") }}))' || fail "Python {{ python_minimum }} or later is needed, $base is older"
"$base" -c 'import socket, sys; socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))) or sys.exit(1)' "$port" \
    || fail "port $port is taken; choose another with --port"

echo "install: checking the files"
status=0
"$base" "$root/verify.py" || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || fail "the bundle is not what its seller made; fetch it again"

mkdir -p "$run"
if [ -z "$python" ]; then
    echo "install: making $run/venv (log: $run/install.log)"
    "$base" -m venv "$run/venv"
    python="$run/venv/bin/python"
    "$python" -m pip install --disable-pip-version-check -r "$root/runtime/requirements.txt" >"$run/install.log" 2>&1 \
        || fail "packages could not be installed; see $run/install.log"
fi

echo "install: starting the server on port $port (log: $run/server.log)"
PYTHON="$python" PORT="$port" nohup sh "$root/deployment/scripts/serve.sh" >"$run/server.log" 2>&1 &
echo $! >"$run/server.pid"

tries=0
until PYTHON="$python" PORT="$port" sh "$root/deployment/scripts/health-check.sh" >/dev/null 2>&1; do
    tries=$((tries + 1))
    kill -0 "$(cat "$run/server.pid")" 2>/dev/null || { tail -5 "$run/server.log" >&2; fail "the server stopped; see $run/server.log"; }
    [ "$tries" -lt 300 ] || fail "the server did not come up within 5 minutes; see $run/server.log"
    sleep 1
done

echo "install: asking it"
PYTHONDONTWRITEBYTECODE=1 "$python" "$root/integration/python/examples/ask.py" --url "http://127.0.0.1:$port" \
    || { kill "$(cat "$run/server.pid")"; fail "the server did not answer; see $run/server.log"; }
echo "install: done. {{ product.product_name }} answers on http://127.0.0.1:$port; stop it with: kill $(cat "$run/server.pid")"
