#!/bin/sh
# of MariaDB's image: --connect, --innodb_initialized
exec mariadb-admin --no-defaults --socket=/run/mysqld/mysqld.sock --user=healthcheck --silent ping
