#!/bin/sh
[ "$(redis-cli -h "$(hostname -i | cut -d ' ' -f 1)" ping)" = PONG ]
