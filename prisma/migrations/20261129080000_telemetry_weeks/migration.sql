-- Rollups of weeks, by which links are ranked over long times: a month is 31 days, or 3 weeks and some days. They begin on
-- Thursdays at 0:00 UTC, as Unix time does.
CREATE TABLE "telemetry"."tunnel_rollups_1w" (LIKE "telemetry"."tunnel_rollups_1m",
  PRIMARY KEY ("organization_id", "agent_id", "peer_agent_id", "at")) PARTITION BY RANGE ("at");
CREATE TABLE "telemetry"."rollups_1w" (LIKE "telemetry"."rollups_1m",
  PRIMARY KEY ("organization_id", "level", "subject_id", "at")) PARTITION BY RANGE ("at");
CREATE INDEX ON "telemetry"."tunnel_rollups_1w" ("site_id", "at");
CREATE INDEX ON "telemetry"."tunnel_rollups_1w" ("link_id", "at") WHERE "link_id" IS NOT NULL;
CREATE INDEX ON "telemetry"."rollups_1w" ("organization_id", "level", "at")
  INCLUDE ("subject_id", "packets_sent", "packets_lost", "packets_retransmitted", "rtt_ms_sum", "rtt_samples");

DO $$
DECLARE
  "name" text;
BEGIN
  FOREACH "name" IN ARRAY ARRAY['tunnel_rollups_1w', 'rollups_1w'] LOOP
    EXECUTE format('CREATE INDEX ON telemetry.%I USING brin (at)', "name");
    EXECUTE format('GRANT SELECT ON telemetry.%I TO longhaul_app', "name");
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON telemetry.%I TO longhaul_worker', "name");
    EXECUTE format('ALTER TABLE telemetry.%I ENABLE ROW LEVEL SECURITY', "name");
    EXECUTE format('ALTER TABLE telemetry.%I FORCE ROW LEVEL SECURITY', "name");
    EXECUTE format(
      'CREATE POLICY tenant ON telemetry.%I FOR SELECT TO longhaul_app USING (organization_id = current_organization_id())',
      "name"
    );
    EXECUTE format('CREATE POLICY worker ON telemetry.%I TO longhaul_worker USING (true) WITH CHECK (true)', "name");
  END LOOP;
END $$;

-- Which tables have partitions, and of what length.
CREATE OR REPLACE FUNCTION "telemetry"."partitioned_tables"() RETURNS TABLE ("parent" text, "length" interval, "fill_factor" integer)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  VALUES
    ('link_samples', interval '1 day', 100),
    ('flow_records', interval '1 day', 100),
    -- Rows that are written again leave room for that on the page.
    ('flows', interval '1 day', 80),
    ('tunnel_rollups_1m', interval '1 day', 100),
    ('rollups_1m', interval '1 day', 100),
    ('tunnel_rollups_5m', interval '1 day', 100),
    ('rollups_5m', interval '1 day', 100),
    -- Months: queries over a year touch few partitions.
    ('tunnel_rollups_1h', interval '1 month', 80),
    ('rollups_1h', interval '1 month', 80),
    ('tunnel_rollups_1d', interval '1 month', 80),
    ('rollups_1d', interval '1 month', 80),
    ('tunnel_rollups_1w', interval '1 month', 100),
    ('rollups_1w', interval '1 month', 100);
$$;

-- Makes the partitions (UTC) that hold the days from `first_day` to `last_day`, and the weeks that they are in; safe to
-- repeat and to run at once.
CREATE OR REPLACE FUNCTION "telemetry"."ensure_partitions"("first_day" date, "last_day" date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  "table" record;
  "begins" date;
  "child" text;
BEGIN
  IF last_day - first_day > 400 THEN
    RAISE EXCEPTION 'more than 400 days of partitions were asked for';
  END IF;
  PERFORM pg_advisory_xact_lock(4812078);
  FOR "table" IN SELECT * FROM telemetry.partitioned_tables() LOOP
    FOR "begins" IN SELECT generate_series(
      -- A week begins up to 6 days earlier.
      CASE "table"."length" WHEN interval '1 month' THEN date_trunc('month', first_day::timestamp - interval '6 days')
        ELSE first_day::timestamp END,
      last_day::timestamp, "table"."length")::date
    LOOP
      "child" := "table"."parent" || '_' || to_char("begins", 'YYYYMMDD');
      IF to_regclass('telemetry.' || "child") IS NULL THEN
        EXECUTE format(
          'CREATE TABLE telemetry.%I PARTITION OF telemetry.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
          "child", "table"."parent", "begins"::text || ' 00:00:00+00', ("begins" + "table"."length")::date::text || ' 00:00:00+00',
          "table"."fill_factor"
        );
      END IF;
    END LOOP;
  END LOOP;
END $$;

-- Weeks of the days that are there: their partitions, and marks that have them computed. The days' partitions are named one by
-- one: they have no row-level security of their own, so their owner sees the rows, and without a lock that keeps others out.
DO $$
DECLARE
  "days" text := (
    SELECT coalesce(string_agg(format('SELECT at, organization_id, agent_id FROM %s', inhrelid::regclass), ' UNION ALL '),
      'SELECT at, organization_id, agent_id FROM telemetry.tunnel_rollups_1d WHERE false')
    FROM pg_inherits WHERE inhparent = 'telemetry.tunnel_rollups_1d'::regclass
  );
  "begins" date;
  "parent" text;
BEGIN
  EXECUTE format(
    'CREATE TEMPORARY TABLE weeks ON COMMIT DROP AS
     SELECT DISTINCT to_timestamp(floor(extract(epoch FROM at) / 604800) * 604800) AS at, organization_id, agent_id
     FROM (%s) AS days',
    "days"
  );
  FOR "begins" IN SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM weeks LOOP
    FOREACH "parent" IN ARRAY ARRAY['tunnel_rollups_1w', 'rollups_1w'] LOOP
      EXECUTE format(
        'CREATE TABLE telemetry.%I PARTITION OF telemetry.%I FOR VALUES FROM (%L) TO (%L)',
        "parent" || '_' || to_char("begins", 'YYYYMMDD'), "parent", "begins"::text || ' 00:00:00+00',
        ("begins" + interval '1 month')::date::text || ' 00:00:00+00'
      );
    END LOOP;
  END LOOP;
END $$;
-- The owner may write no rows of anybody unless it is let.
ALTER TABLE "telemetry"."dirty_buckets" NO FORCE ROW LEVEL SECURITY;
INSERT INTO "telemetry"."dirty_buckets" ("resolution_s", "at", "organization_id", "agent_id", "due_at")
SELECT 604800, at, organization_id, agent_id, greatest(now(), at + interval '7 days') + interval '20 seconds' FROM weeks;
ALTER TABLE "telemetry"."dirty_buckets" FORCE ROW LEVEL SECURITY;
