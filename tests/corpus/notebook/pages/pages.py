"""Keeps notes: PUT and GET /notes/NAME."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pymysql

PASSWORD = Path("/run/secrets/rows-password").read_text().strip()


def ask(statement, *values):
    with (
        pymysql.connect(host="rows", user="root", password=PASSWORD, database="notes") as rows,
        rows.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE IF NOT EXISTS notes (name varchar(80) PRIMARY KEY, text text)")
        cursor.execute(statement, values)
        rows.commit()
        return cursor.fetchone()


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, name = self.path.strip("/").partition("/")
        if kind != "notes":
            return self.say(200, "well\n")
        found = ask("SELECT text FROM notes WHERE name = %s", name)
        return self.say(200, found[0]) if found else self.say(404, "no such note\n")

    def do_HEAD(self):
        self.do_GET()

    def do_PUT(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        ask("REPLACE INTO notes VALUES (%s, %s)", self.path.rpartition("/")[2], text)
        self.say(200, "kept\n")

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())


ThreadingHTTPServer(("", 8000), Pages).serve_forever()
