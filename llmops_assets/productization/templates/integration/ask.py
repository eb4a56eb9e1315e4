"""Asks one question and prints the answer: python ask.py "your request" """

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from {{ module }} import {{ client_class }}, {{ client_class }}Error

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("request", nargs="?", default={{ examples[0].request|quoted }})
parser.add_argument("--url", default="http://127.0.0.1:{{ port }}")
given = parser.parse_args()

with {{ client_class }}(given.url) as client:
    try:
        answer = client.ask(given.request)
    except {{ client_class }}Error as error:
        sys.exit(f"ask: {error}")
print(f"asked:    {given.request}")
print(f"answered: {answer.text}")
print(f"{answer.output_tokens} tokens in {answer.seconds:.2f} s")
