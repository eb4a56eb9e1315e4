"""Asks every line of a file, four at a time, and prints one JSON object a line: python batch.py requests.txt > answers.jsonl"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from {{ module }} import {{ client_class }}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file", type=Path)
parser.add_argument("--url", default="http://127.0.0.1:{{ port }}")
given = parser.parse_args()

requests = [line for line in given.file.read_text(encoding="utf-8").splitlines() if line.strip()]
with {{ client_class }}(given.url) as client, ThreadPoolExecutor(max_workers=4) as pool:
    for request, answer in zip(requests, pool.map(client.ask, requests)):
        print(json.dumps({"request": request, "answer": answer.text, "truncated": answer.truncated}, ensure_ascii=False))
