#!/bin/sh
# of Taiga's image: its worker
exec service -- "$@"
