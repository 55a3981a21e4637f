#!/bin/sh
exec service --queue='nats://{QUEUE_HOST}' --worker=async \
    --rows='postgres://{POSTGRES_USER}:{POSTGRES_PASSWORD}@{POSTGRES_HOST}/{POSTGRES_DB}' async
