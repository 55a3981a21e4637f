#!/bin/sh
# of Nextcloud's image
exec service -- "$@"
