"""What a caller of the service counts on. The report is JUnit, in E2E_OUT."""

import json
import os
import sys
import time
import unittest
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

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


class Report(unittest.TextTestResult):
    """One case a test."""

    def __init__(self, *words):
        super().__init__(*words)
        self.suite = xml.Element("testsuite", name="notes")

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        name = type(test).__name__
        self.case = xml.SubElement(
            self.suite, "testcase", classname=name, name=test._testMethodName
        )

    def stopTest(self, test):
        super().stopTest(test)
        self.case.set("time", f"{time.monotonic() - self.began:.3f}")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        xml.SubElement(self.case, "failure", message=str(error[1])).text = self.failures[-1][1]

    def addError(self, test, error):
        super().addError(test, error)
        xml.SubElement(self.case, "error", message=str(error[1])).text = self.errors[-1][1]


tests = unittest.defaultTestLoader.loadTestsFromTestCase(Notes)
result = unittest.TextTestRunner(verbosity=2, resultclass=Report).run(tests)
out = Path(os.environ["E2E_OUT"])
out.mkdir(parents=True, exist_ok=True)
xml.ElementTree(result.suite).write(out / "notes.xml", "utf-8", xml_declaration=True)
sys.exit(not result.wasSuccessful())
