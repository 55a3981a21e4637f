"""Notes over HTTP, kept in PostgreSQL: POST /notes, GET /notes, GET and DELETE /notes/ID."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2


def ask(statement, *values):
    """Rows of one statement, in a transaction of its own. Where the database is, PGHOST says."""
    connection = psycopg2.connect("")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()
    finally:
        connection.close()


class Notes(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            ask("SELECT 1")
            self.answer(200, {"status": "ok"})
        elif self.path == "/notes":
            rows = ask("SELECT id, text FROM note ORDER BY id")
            self.answer(200, [{"id": number, "text": text} for number, text in rows])
        else:
            self.one("SELECT id, text FROM note WHERE id = %s")

    def do_DELETE(self):
        self.one("DELETE FROM note WHERE id = %s RETURNING id, text")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            text = json.loads(body)["text"]
            [(number,)] = ask("INSERT INTO note (text) VALUES (%s) RETURNING id", text)
        except (ValueError, KeyError, TypeError, psycopg2.IntegrityError):
            self.answer(400, {"error": "a note has a text"})
        else:
            self.answer(201, {"id": number, "text": text})

    def one(self, statement):
        path = re.fullmatch(r"/notes/([0-9]{1,9})", self.path)
        rows = ask(statement, path[1]) if path else []
        if rows:
            self.answer(200, {"id": rows[0][0], "text": rows[0][1]})
        else:
            self.answer(404, {"error": "there is no such note"})

    def answer(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8000), Notes).serve_forever()
