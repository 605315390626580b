-- Rollups of telemetry: 1 minute, 5 minutes, 1 hour, 1 day; of every tunnel's end, agent, link, site and organization. They
-- are recomputed for buckets that something came for, never added to: what comes late or twice leaves them exact.

-- What the rollups ask of a record without looking for its connection. Null in records of before.
ALTER TABLE "telemetry"."flow_records"
  ADD COLUMN "started_at" timestamptz,
  ADD COLUMN "peer_agent_id" uuid,
  ADD COLUMN "handling" text,
  ADD COLUMN "ended" text,
  -- Of the interval, while something moved, in milliseconds; null from agents that do not say.
  ADD COLUMN "active_ms" double precision;

-- Buckets to be computed again. Whoever adds one, or finds that it is there, holds the bucket's advisory lock, shared, until
-- the end of its transaction; who computes one holds it alone: see rollup-locks.ts.
CREATE TABLE "telemetry"."dirty_buckets" (
  "resolution_s" integer NOT NULL,
  "at" timestamptz NOT NULL,
  "organization_id" uuid NOT NULL,
  "agent_id" uuid NOT NULL,
  "due_at" timestamptz NOT NULL,
  PRIMARY KEY ("resolution_s", "at", "organization_id", "agent_id")
);
CREATE INDEX "dirty_buckets_due" ON "telemetry"."dirty_buckets" ("due_at");

-- One end of one tunnel over one bucket that begins at "at". Columns that end in _ms are milliseconds, summed. What an
-- agent did without a tunnel has the peer 00000000-0000-0000-0000-000000000000.
CREATE TABLE "telemetry"."tunnel_rollups_1m" (
  "organization_id" uuid NOT NULL,
  "agent_id" uuid NOT NULL,
  "peer_agent_id" uuid NOT NULL,
  "at" timestamptz NOT NULL,
  "site_id" uuid NOT NULL,
  "link_id" uuid,
  "covered_ms" double precision NOT NULL,
  "tunnel_ms" double precision NOT NULL,
  "up_ms" double precision NOT NULL,
  "bytes_sent" bigint NOT NULL,
  "bytes_received" bigint NOT NULL,
  "wire_bytes_sent" bigint NOT NULL,
  "wire_bytes_received" bigint NOT NULL,
  "packets_sent" bigint NOT NULL,
  "packets_lost" bigint NOT NULL,
  "packets_retransmitted" bigint NOT NULL,
  "rtt_ms_sum" double precision NOT NULL,
  "rtt_samples" bigint NOT NULL,
  "min_rtt_ms" real,
  "max_rtt_ms" real,
  "open_streams" bigint NOT NULL,
  "flows_accelerated" bigint NOT NULL,
  "flows_passed" bigint NOT NULL,
  "flows_refused" bigint NOT NULL,
  "flow_bytes" bigint NOT NULL,
  "flow_encoded_bytes" bigint NOT NULL,
  "passed_bytes" bigint NOT NULL,
  "saved_ms" double precision NOT NULL,
  PRIMARY KEY ("organization_id", "agent_id", "peer_agent_id", "at")
) PARTITION BY RANGE ("at");

-- The same of an agent, a link, a site or the organization ("level"). Of a link, sent is from site A to site B.
CREATE TABLE "telemetry"."rollups_1m" (
  "organization_id" uuid NOT NULL,
  "level" text NOT NULL,
  "subject_id" uuid NOT NULL,
  "at" timestamptz NOT NULL,
  "covered_ms" double precision NOT NULL,
  "tunnel_ms" double precision NOT NULL,
  "up_ms" double precision NOT NULL,
  "bytes_sent" bigint NOT NULL,
  "bytes_received" bigint NOT NULL,
  "wire_bytes_sent" bigint NOT NULL,
  "wire_bytes_received" bigint NOT NULL,
  "packets_sent" bigint NOT NULL,
  "packets_lost" bigint NOT NULL,
  "packets_retransmitted" bigint NOT NULL,
  "rtt_ms_sum" double precision NOT NULL,
  "rtt_samples" bigint NOT NULL,
  "min_rtt_ms" real,
  "max_rtt_ms" real,
  "open_streams" bigint NOT NULL,
  "flows_accelerated" bigint NOT NULL,
  "flows_passed" bigint NOT NULL,
  "flows_refused" bigint NOT NULL,
  "flow_bytes" bigint NOT NULL,
  "flow_encoded_bytes" bigint NOT NULL,
  "passed_bytes" bigint NOT NULL,
  "saved_ms" double precision NOT NULL,
  PRIMARY KEY ("organization_id", "level", "subject_id", "at")
) PARTITION BY RANGE ("at");

DO $$
DECLARE
  "resolution" text;
  "name" text;
BEGIN
  FOREACH "resolution" IN ARRAY ARRAY['1m', '5m', '1h', '1d'] LOOP
    IF "resolution" <> '1m' THEN
      EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.tunnel_rollups_1m,
        PRIMARY KEY (organization_id, agent_id, peer_agent_id, at)) PARTITION BY RANGE (at)', 'tunnel_rollups_' || "resolution");
      EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.rollups_1m,
        PRIMARY KEY (organization_id, level, subject_id, at)) PARTITION BY RANGE (at)', 'rollups_' || "resolution");
    END IF;
    -- To compute a site and a link of one bucket.
    EXECUTE format('CREATE INDEX ON telemetry.%I (site_id, at)', 'tunnel_rollups_' || "resolution");
    EXECUTE format('CREATE INDEX ON telemetry.%I (link_id, at) WHERE link_id IS NOT NULL', 'tunnel_rollups_' || "resolution");
    -- To compute an organization of its sites, and to rank links: everything that is asked for is in the index.
    EXECUTE format('CREATE INDEX ON telemetry.%I (organization_id, level, at) INCLUDE (subject_id, packets_sent, packets_lost,
      packets_retransmitted, rtt_ms_sum, rtt_samples)', 'rollups_' || "resolution");
    FOREACH "name" IN ARRAY ARRAY['tunnel_rollups_' || "resolution", 'rollups_' || "resolution"] LOOP
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
  END LOOP;
END $$;

ALTER TABLE "telemetry"."dirty_buckets" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "telemetry"."dirty_buckets" FORCE ROW LEVEL SECURITY;
CREATE POLICY "worker" ON "telemetry"."dirty_buckets" TO longhaul_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON "telemetry"."dirty_buckets" TO longhaul_worker;

-- Seconds that TCP with CUBIC takes for so many bytes over a path: docs/telemetry.md has the model, its sources, and how far
-- it is from what was measured. Infinity if nothing gets through.
--   "bytes"        of the application; 0 takes no time
--   "rtt_ms"       round trip without queue, in milliseconds
--   "loss"         share of packets that are lost, 0 to 1
--   "rate_mbps"    what the path carries of IP packets, in Mbit/s; null: unknown, no bound
--   "from_start"   whether the connection has to be opened and its window to grow
CREATE FUNCTION "telemetry"."tcp_seconds"(
  "bytes" double precision, "rtt_ms" double precision, "loss" double precision, "rate_mbps" double precision, "from_start" boolean
) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- Payload of an IP packet of 1500 bytes: 20 of IPv4, 20 of TCP and 12 of timestamps (RFC 7323) are not.
  "mss" constant double precision := 1448;
  -- RFC 6928.
  "initial_window" constant double precision := 10;
  "rtt" double precision := greatest("rtt_ms", 0.1) / 1000;
  "p" double precision := least(greatest("loss", 0), 1);
  "segments" double precision := ceil("bytes" / "mss");
  -- Segments in flight that fill the path.
  "full_window" double precision := CASE WHEN "rate_mbps" IS NULL THEN 'Infinity'
    ELSE greatest("rate_mbps", 0.001) * 1e6 / 8 / 1500 * "rtt" END;
  "steady_window" double precision := "full_window";
  "slow_start" double precision := 0;
  "rounds" double precision;
  "rounds_to_full" double precision;
  "seconds" double precision := 0;
BEGIN
  IF "bytes" <= 0 THEN
    RETURN 0;
  END IF;
  IF "p" >= 1 THEN
    RETURN 'Infinity';
  END IF;
  IF "p" > 0 THEN
    -- RFC 9438, section 5.1: CUBIC's average window is 1.054 (RTT / p)^(3/4) segments with C = 0.4 and beta = 0.7, and where that
    -- is less than Reno's, it is Reno's: sqrt(3 / (2 p)), Mathis, Semke, Mahdavi, Ott 1997.
    "steady_window" := least("full_window", greatest(1, sqrt(1.5 / "p"), 1.054 * ("rtt" / "p") ^ 0.75));
  END IF;
  IF "from_start" THEN
    -- Segments that are sent before the first loss, on average: Cardwell, Savage, Anderson 2000, equation 5.
    "slow_start" := least("segments",
      CASE WHEN "p" = 0 THEN "segments" ELSE (1 - (1 - "p") ^ "segments") * (1 - "p") / "p" + 1 END);
    -- The handshake, and rounds that double the window until the path is full.
    "rounds" := ln("slow_start" / "initial_window" + 1) / ln(2::double precision);
    "rounds_to_full" := greatest(0, ln("full_window" / "initial_window") / ln(2::double precision));
    "seconds" := "rtt" + "rtt" * CASE
      WHEN "rounds" <= "rounds_to_full" THEN "rounds"
      ELSE "rounds_to_full" + ("slow_start" - "initial_window" * (2 ^ "rounds_to_full" - 1)) / "full_window"
    END;
  END IF;
  IF "steady_window" = 'Infinity' THEN
    RETURN "seconds";
  END IF;
  RETURN "seconds" + ("segments" - "slow_start") / "steady_window" * "rtt";
END $$;
REVOKE ALL ON FUNCTION "telemetry"."tcp_seconds"(double precision, double precision, double precision, double precision, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "telemetry"."tcp_seconds"(double precision, double precision, double precision, double precision, boolean)
  TO longhaul_app, longhaul_worker;

-- Which tables have partitions, and of what length.
CREATE FUNCTION "telemetry"."partitioned_tables"() RETURNS TABLE ("parent" text, "length" interval, "fill_factor" integer)
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
    ('rollups_1d', interval '1 month', 80);
$$;
REVOKE ALL ON FUNCTION "telemetry"."partitioned_tables"() FROM PUBLIC;

-- Makes the partitions (UTC) that hold the days from `first_day` to `last_day`; safe to repeat and to run at once.
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
      CASE "table"."length" WHEN interval '1 month' THEN date_trunc('month', first_day::timestamp) ELSE first_day::timestamp END,
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

-- Drops the partitions of one table that end at or before `day`; returns how many.
CREATE OR REPLACE FUNCTION "telemetry"."drop_partitions"("parent" text, "day" date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  "child" text;
  "dropped" integer := 0;
  "lasts" interval;
BEGIN
  SELECT t."length" INTO "lasts" FROM telemetry.partitioned_tables() t WHERE t."parent" = drop_partitions."parent";
  IF "lasts" IS NULL THEN
    RAISE EXCEPTION 'not a partitioned table of telemetry: %', "parent";
  END IF;
  PERFORM pg_advisory_xact_lock(4812078);
  FOR "child" IN
    SELECT c.relname FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = ('telemetry.' || "parent")::regclass
      AND c.relname ~ ('^' || "parent" || '_[0-9]{8}$')
      AND to_date(right(c.relname, 8), 'YYYYMMDD') + "lasts" <= "day"
  LOOP
    EXECUTE format('DROP TABLE telemetry.%I', "child");
    "dropped" := "dropped" + 1;
  END LOOP;
  RETURN "dropped";
END $$;
