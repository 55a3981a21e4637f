#!/bin/sh
# What packages bring and no stand-in needs: half of the whole. Then what their scripts would do.
set -eu
cd "$1"
rm -rf usr/share/perl usr/share/perl5 usr/share/locale usr/share/doc usr/share/man usr/share/info \
    usr/share/i18n usr/share/bug usr/share/lintian usr/share/nodejs/@types usr/share/zoneinfo/right \
    usr/lib/*/perl usr/lib/*/perl5 usr/lib/*/perl-base usr/lib/*/gconv usr/lib/*/libperl* \
    usr/lib/*/libLLVM* usr/lib/*/libz3* usr/lib/postgresql/*/lib/bitcode \
    usr/lib/postgresql/*/lib/llvmjit* usr/bin/perl*
for name in aria_chk aria_read_log aria_pack aria_ftdump aria_dump_log myisamchk myisampack \
    myisamlog myisam_ftdump mariadb-binlog mariadb-upgrade mariadb-slap mariadb-import \
    mariadb-show mariadb-check mariadb-conv mariadb-plugin mariadb-tzinfo-to-sql mariadb-waitpid \
    mariadbd-safe-helper perror innochecksum replace resolve_stack_dump; do
    rm -f "usr/bin/$name"
done
# the distribution's own settings name logs and sockets that a container has not
rm -rf etc/nginx/sites-* etc/nginx/modules-* etc/mysql etc/redis etc/mosquitto var/lib/mysql \
    var/lib/postgresql

cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
number=999
for name in postgres mysql redis nginx mosquitto node app; do
    if [ "$name" = node ]; then number=1000; fi
    echo "$name:x:$number:$number::/tmp:/bin/sh" >>etc/passwd
    echo "$name:x:$number:" >>etc/group
    if [ "$number" -ge 1000 ]; then number=$((number + 1)); else number=$((number - 1)); fi
done

mkdir -p usr/local/bin
rm -rf var/run
ln -s /run var/run
ln -sf python3 usr/bin/python
ln -sf mawk usr/bin/awk
ln -sf nc.openbsd usr/bin/nc
for name in mysql:mariadb mysqladmin:mariadb-admin mysqldump:mariadb-dump; do
    ln -sf "${name#*:}" "usr/bin/${name%:*}"
done
ln -sf mariadbd usr/sbin/mysqld
ln -sf redis-server usr/bin/valkey-server
ln -sf redis-cli usr/bin/valkey-cli
for program in usr/lib/postgresql/*/bin/*; do
    ln -sf "/$program" usr/local/bin/
done
mkdir -p data docker-entrypoint-initdb.d usr/share/nginx/html app \
    mosquitto/config mosquitto/data mosquitto/log var/lib/mysql var/lib/postgresql/data
chmod 1777 data var/lib/mysql var/lib/postgresql var/lib/postgresql/data \
    mosquitto/* tmp var/tmp
ldconfig -r .
