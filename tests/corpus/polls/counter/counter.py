"""Takes each vote out of the queue and writes it into the store."""

import psycopg2
import redis

queue = redis.Redis(host="queue")
store = psycopg2.connect(host="store", user="clerk", password="clerk", dbname="clerk")  # noqa: S106
store.autocommit = True
rows = store.cursor()
rows.execute("CREATE TABLE IF NOT EXISTS votes (voter text PRIMARY KEY, choice text NOT NULL)")
while True:
    _, vote = queue.blpop("votes")
    voter, _, choice = vote.decode().partition(" ")
    rows.execute(
        "INSERT INTO votes VALUES (%s, %s) ON CONFLICT (voter) DO UPDATE SET choice = %s",
        (voter, choice, choice),
    )
    print(f"counted {voter}")
