#!/bin/sh
[ "$(psql --username="$POSTGRES_USER" --no-align --tuples-only --command='SELECT 1')" = 1 ]
