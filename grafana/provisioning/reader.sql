-- The user of Grafana's PostgreSQL data source: it reads fleetmon's documented views and nothing else.
-- Run it in fleetmon's database as an administrator, once, and ALTER ROLE fleetmon_reader PASSWORD '...';
-- fleetmon itself lets it read its views at each start, so that an upgrade that makes a view anew takes nothing away.
DO $$ BEGIN
    CREATE ROLE fleetmon_reader LOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
ALTER ROLE fleetmon_reader SET default_transaction_read_only = on;
ALTER ROLE fleetmon_reader SET statement_timeout = '10s'; -- a dashboard shall not hold up the daemon
DO $$ BEGIN
    GRANT SELECT ON v_terminal, v_incident, v_window, v_settlement_late TO fleetmon_reader;
EXCEPTION WHEN undefined_table THEN NULL; -- before fleetmon's first start
END $$;
