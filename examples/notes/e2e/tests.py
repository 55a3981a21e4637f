"""What a caller of the service counts on. The report is JUnit, in E2E_OUT."""

import json
import os
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

WEB = os.environ["SANDBOXER_ENDPOINT_WEB_8000"]


def call(method, path, data=None):
    """The status and what the service says."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(WEB.rstrip("/") + path, body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Notes(unittest.TestCase):
    def test_a_note_is_kept(self):
        status, note = call("POST", "/notes", {"text": "Grüße aus dem Test"})
        self.assertEqual(status, 201)
        self.assertEqual(call("GET", f"/notes/{note['id']}"), (200, note))
        self.assertIn(note, call("GET", "/notes")[1])

    def test_a_note_can_be_deleted_once(self):
        _, note = call("POST", "/notes", {"text": "soon gone"})
        self.assertEqual(call("DELETE", f"/notes/{note['id']}")[0], 200)
        self.assertEqual(call("DELETE", f"/notes/{note['id']}")[0], 404)

    def test_an_empty_note_is_refused_by_the_database(self):
        self.assertEqual(call("POST", "/notes", {"text": ""})[0], 400)

    def test_text_is_no_sql(self):
        text = "'); DROP TABLE note; --"
        _, note = call("POST", "/notes", {"text": text})
        self.assertEqual(call("GET", f"/notes/{note['id']}")[1]["text"], text)


suite = Element("testsuite", name="notes")
for test in unittest.defaultTestLoader.loadTestsFromTestCase(Notes):
    began = time.monotonic()
    result = test.run()
    seconds = f"{time.monotonic() - began:.3f}"
    name = test.id().rpartition(".")[2]
    case = SubElement(suite, "testcase", classname="notes", name=name, time=seconds)
    for kind, found in {"failure": result.failures, "error": result.errors}.items():
        for _, text in found:
            SubElement(case, kind, message=text.strip().splitlines()[-1]).text = text
    print(f"{'ok' if result.wasSuccessful() else 'not ok'} - {name}")
ElementTree(suite).write(Path(os.environ["E2E_OUT"], "notes.xml"))
sys.exit(any(len(case) for case in suite))
