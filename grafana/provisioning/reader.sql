-- The user of Grafana's PostgreSQL data source: it reads fleetmon's documented views and nothing else.
-- Run it in fleetmon's database as an administrator, once, and again after each upgrade of fleetmon (a view that
-- is made anew forgets who may read it). Then: ALTER ROLE fleetmon_reader PASSWORD '...';
DO $$ BEGIN
    CREATE ROLE fleetmon_reader LOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
ALTER ROLE fleetmon_reader SET default_transaction_read_only = on;
ALTER ROLE fleetmon_reader SET statement_timeout = '10s'; -- a dashboard shall not hold up the daemon
GRANT SELECT ON v_terminal, v_incident, v_window, v_settlement_late TO fleetmon_reader;
