#!/bin/sh
# of Selenium's nodes, which their compose file calls by its path
exec service --port=5555 -- "$@"
