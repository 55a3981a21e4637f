"""Of two tests one fails, and only the report says so."""

import os
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

TILL = os.environ["SANDBOXER_ENDPOINT_TILL_8000"].rstrip("/")

suite = xml.Element("testsuite", name="till")
for net, gross in {"0": "0", "100": "119"}.items():
    case = xml.SubElement(suite, "testcase", classname="till", name=f"{net} net")
    with urllib.request.urlopen(f"{TILL}/{net}", timeout=5) as answer:
        found = answer.read().decode()
    if found != gross:
        xml.SubElement(case, "failure", message=f"{found} is to be paid, not {gross}")
xml.ElementTree(suite).write(Path(os.environ["E2E_OUT"], "till.xml"))
