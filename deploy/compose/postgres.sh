#!/bin/sh
# Run once, when the database is made: a role that owns fleetmon's database, and one for Grafana that may read it.
# Grafana's role sees every table, not only the views, as the tables of later versions are not known here.
set -eu
secrets="${SECRETS:-/run/secrets}"

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --set=store="$(cat "$secrets/store-password")" --set=reader="$(cat "$secrets/grafana-reader-password")" <<'END'
CREATE ROLE fleetmon LOGIN PASSWORD :'store';
CREATE DATABASE fleetmon OWNER fleetmon ENCODING 'UTF8' TEMPLATE template0;
CREATE ROLE grafana LOGIN PASSWORD :'reader';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '10s';
\connect fleetmon
ALTER DEFAULT PRIVILEGES FOR ROLE fleetmon IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
END
