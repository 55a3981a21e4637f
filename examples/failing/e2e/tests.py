"""Of two tests one fails, and only the report says so."""

import os
import urllib.request
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

TILL = os.environ["SANDBOXER_ENDPOINT_TILL_8000"].rstrip("/")

suite = Element("testsuite", name="till")
for net, gross in {"0": "0", "100": "119"}.items():
    case = SubElement(suite, "testcase", classname="till", name=f"{net} net")
    with urllib.request.urlopen(f"{TILL}/{net}", timeout=5) as answer:
        found = answer.read().decode()
    if found != gross:
        SubElement(case, "failure", message=f"{found} is to be paid, not {gross}")
ElementTree(suite).write(Path(os.environ["E2E_OUT"], "till.xml"))
