#!/bin/bash
# What the official images do at their start, as far as people count on it.
set -eu

# NAME, or the file that NAME_FILE names, or a default
setting() {
    local file="$1_FILE"
    if [ -n "${!file:-}" ]; then
        cat "${!file}"
    else
        printf %s "${!1:-${2:-}}"
    fi
}

as() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
    fi
    exec "$@"
}

# the folder becomes the user's, as far as this process may say so
hand_over() {
    mkdir -p "$2"
    if [ "$(id -u)" = 0 ]; then
        chown -R "$1:$1" "$2"
    fi
}

start_postgres() {
    export PGDATA="${PGDATA:-/var/lib/postgresql/data}" PGUSER PGDATABASE
    local password method
    PGUSER=$(setting POSTGRES_USER postgres)
    PGDATABASE=$(setting POSTGRES_DB "$PGUSER")
    password=$(setting POSTGRES_PASSWORD)
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    hand_over postgres "$PGDATA"
    hand_over postgres /run/postgresql
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        if [ -z "$password" ] && [ "$method" != trust ]; then
            echo "Error: POSTGRES_PASSWORD is not set" >&2
            exit 1
        fi
        (umask 077 && printf '%s\n' "${password:-none}" >/run/postgresql/first)
        hand_over postgres /run/postgresql
        # shellcheck disable=SC2086 # several words, as people write them
        (as postgres initdb --no-sync --username="$PGUSER" --pwfile=/run/postgresql/first \
            --auth-local=trust --auth-host="$method" ${POSTGRES_INITDB_ARGS:-} >/dev/null)
        rm /run/postgresql/first
        echo "host all all all $method" >>"$PGDATA/pg_hba.conf"
        echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
        (as postgres pg_ctl --silent --wait --options="-c listen_addresses='' -F" start)
        if [ "$PGDATABASE" != postgres ]; then
            psql --quiet --dbname=postgres --command="CREATE DATABASE \"$PGDATABASE\""
        fi
        local file
        for file in /docker-entrypoint-initdb.d/*; do
            case $file in
            *.sh)
                # shellcheck disable=SC1090 # whatever is mounted there
                if [ -x "$file" ]; then "$file"; else . "$file"; fi
                ;;
            *.sql) psql --quiet --set=ON_ERROR_STOP=1 --file="$file" ;;
            esac
        done
        (as postgres pg_ctl --silent --wait --mode=fast stop)
    fi
    as postgres "$@"
}

# one line a statement: the server reads them at its start
first_statements() {
    local root user password database
    root=$(setting MARIADB_ROOT_PASSWORD "$(setting MYSQL_ROOT_PASSWORD)")
    user=$(setting MARIADB_USER "$(setting MYSQL_USER)")
    password=$(setting MARIADB_PASSWORD "$(setting MYSQL_PASSWORD)")
    database=$(setting MARIADB_DATABASE "$(setting MYSQL_DATABASE)")
    echo "CREATE USER IF NOT EXISTS healthcheck@localhost;"
    for host in localhost %; do
        echo "CREATE USER IF NOT EXISTS root@'$host';"
        echo "ALTER USER root@'$host' IDENTIFIED BY '$root';"
        echo "GRANT ALL ON *.* TO root@'$host' WITH GRANT OPTION;"
    done
    if [ -n "$database" ]; then
        echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
    fi
    if [ -n "$user" ]; then
        echo "CREATE USER IF NOT EXISTS '$user'@'%' IDENTIFIED BY '$password';"
        echo "GRANT ALL ON \`${database:-$user}\`.* TO '$user'@'%';"
    fi
}

start_mariadb() {
    local folder=/var/lib/mysql program=$1
    shift
    hand_over mysql "$folder"
    hand_over mysql /run/mysqld
    if [ ! -d "$folder/mysql" ]; then
        (as mysql mariadb-install-db --no-defaults --datadir="$folder" --skip-test-db \
            --skip-name-resolve --auth-root-authentication-method=normal >/dev/null)
    fi
    (umask 077 && first_statements >/run/mysqld/first.sql)
    hand_over mysql /run/mysqld
    as mysql "$program" --no-defaults --datadir="$folder" --socket=/run/mysqld/mysqld.sock \
        --bind-address=0.0.0.0 --init-file=/run/mysqld/first.sql "$@"
}

start_nginx() {
    local template
    for template in /etc/nginx/templates/*.template; do
        if [ -e "$template" ]; then
            # shellcheck disable=SC2016,SC2094 # a list of names, as envsubst wants it
            envsubst "$(env | sed 's/=.*//; s/.*/${&}/')" <"$template" \
                >"/etc/nginx/conf.d/$(basename "$template" .template)"
        fi
    done
    exec "$@"
}

# options alone are the server's
case ${1:-} in
-*) set -- "$STAND_IN" "$@" ;;
esac
case ${1:-} in
postgres) start_postgres "$@" ;;
mariadbd | mysqld) start_mariadb "$@" ;;
nginx) start_nginx "$@" ;;
redis-server | valkey-server)
    shift
    cd /data
    exec "$(command -v redis-server)" "$@" --protected-mode no
    ;;
memcached) as app "$@" ;;
*) exec "$@" ;;
esac
