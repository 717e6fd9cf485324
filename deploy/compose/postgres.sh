#!/bin/sh
# Run once, when the database is made: a role that owns fleetmon's database, and one for Grafana, which reads its views.
set -eu
secrets="${SECRETS:-/run/secrets}"

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --set=store="$(cat "$secrets/store-password")" --set=reader="$(cat "$secrets/grafana-reader-password")" \
    --set=roles="${READER:-/etc/fleetmon/reader.sql}" <<'END'
CREATE ROLE fleetmon LOGIN PASSWORD :'store';
CREATE DATABASE fleetmon OWNER fleetmon ENCODING 'UTF8' TEMPLATE template0;
\i :roles
ALTER ROLE fleetmon_reader PASSWORD :'reader';
END
