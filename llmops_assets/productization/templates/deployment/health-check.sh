#!/bin/sh
# Says whether {{ model_name }} is up, by status 0 or 1.
#   sh deployment/scripts/health-check.sh [URL]
set -eu

url=${1:-http://127.0.0.1:${PORT:-{{ port }}}}
exec "${PYTHON:-python3}" - "$url" <<'PYTHON'
import json
import sys
import urllib.request

url, model = sys.argv[1], "{{ model_name }}"
try:
    with urllib.request.urlopen(f"{url}/api/tags", timeout=10) as reply:
        names = [entry["name"] for entry in json.load(reply)["models"]]
except (OSError, ValueError, KeyError) as error:
    sys.exit(f"unhealthy: {url} does not answer ({error})")
if model not in names:
    sys.exit(f"unhealthy: {url} has {names}, not {model}")
print(f"healthy: {url} serves {model}")
PYTHON
