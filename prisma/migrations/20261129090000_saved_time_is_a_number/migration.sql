-- Time saved is a number, always. TCP over a path on which nothing gets through has no known time, and a long connection over a
-- lossy path is no error any more, which kept all rollups from being computed. Replicas of the release before use the same function.

-- Seconds that TCP with CUBIC takes for so many bytes over a path: docs/telemetry.md has the model, its sources, and how far
-- it is from what was measured. Null if nothing gets through: it is not known.
--   "bytes"        of the application; 0 takes no time
--   "rtt_ms"       round trip without queue, in milliseconds
--   "loss"         share of packets that are lost, 0 to 1
--   "rate_mbps"    what the path carries of IP packets, in Mbit/s; null: unknown, no bound
--   "from_start"   whether the connection has to be opened and its window to grow
CREATE OR REPLACE FUNCTION "telemetry"."tcp_seconds"(
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
    RETURN NULL;
  END IF;
  IF "p" > 0 THEN
    -- RFC 9438, section 5.1: CUBIC's average window is 1.054 (RTT / p)^(3/4) segments with C = 0.4 and beta = 0.7, and where that
    -- is less than Reno's, it is Reno's: sqrt(3 / (2 p)), Mathis, Semke, Mahdavi, Ott 1997.
    "steady_window" := least("full_window", greatest(1, sqrt(1.5 / "p"), 1.054 * ("rtt" / "p") ^ 0.75));
  END IF;
  IF "from_start" THEN
    -- Segments that are sent before the first loss, on average: Cardwell, Savage, Anderson 2000, equation 5.
    "slow_start" := least("segments",
      CASE
        WHEN "p" = 0 THEN "segments"
        -- (1 - p)^d is below what a number can hold, which PostgreSQL makes an error, and nothing beside 1.
        WHEN "segments" * ln(1 - "p") < -690 THEN (1 - "p") / "p" + 1
        ELSE (1 - (1 - "p") ^ "segments") * (1 - "p") / "p" + 1
      END);
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

-- What was stored as Infinity is summed again of what it is made of. What a tunnel had in a minute is not known, nor what it had in a
-- bucket whose finer ones are gone: 0, which claims less. The partitions are named one by one: they have no row-level security
-- of their own, so their owner sees the rows without a lock that keeps others out. Only rows that are Infinity are written.
CREATE FUNCTION pg_temp.rows_of("parent" text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(
    string_agg(format('SELECT * FROM %s', i.inhrelid::regclass), ' UNION ALL '),
    format('SELECT * FROM telemetry.%I WHERE false', "parent")
  ) FROM pg_inherits i WHERE i.inhparent = ('telemetry.' || "parent")::regclass
$$;

DO $$
DECLARE
  "resolution" record;
  "child" regclass;
  "tunnels" text;
BEGIN
  FOR "resolution" IN
    SELECT * FROM (VALUES
      (1, '1m', NULL, interval '1 minute'),
      (2, '5m', '1m', interval '5 minutes'),
      (3, '1h', '5m', interval '1 hour'),
      (4, '1d', '1h', interval '1 day')
    ) AS given("place", "name", "finer", "lasts") ORDER BY "place"
  LOOP
    FOR "child" IN
      SELECT inhrelid FROM pg_inherits WHERE inhparent = ('telemetry.tunnel_rollups_' || "resolution"."name")::regclass
    LOOP
      IF "resolution"."finer" IS NULL THEN
        EXECUTE format('UPDATE %s SET saved_ms = 0 WHERE saved_ms = ''Infinity''', "child");
      ELSE
        EXECUTE format(
          'UPDATE %s AS r SET saved_ms = coalesce((SELECT sum(f.saved_ms) FROM (%s) AS f
             WHERE f.organization_id = r.organization_id AND f.agent_id = r.agent_id AND f.peer_agent_id = r.peer_agent_id
               AND f.at >= r.at AND f.at < r.at + %L::interval), 0)
           WHERE r.saved_ms = ''Infinity''',
          "child", pg_temp.rows_of('tunnel_rollups_' || "resolution"."finer"), "resolution"."lasts"
        );
      END IF;
    END LOOP;
    "tunnels" := pg_temp.rows_of('tunnel_rollups_' || "resolution"."name");
    FOR "child" IN
      SELECT inhrelid FROM pg_inherits WHERE inhparent = ('telemetry.rollups_' || "resolution"."name")::regclass
    LOOP
      EXECUTE format(
        'UPDATE %1$s AS r SET saved_ms = coalesce(CASE r.level
           WHEN ''agent'' THEN (SELECT sum(f.saved_ms) FROM (%2$s) AS f
             WHERE f.organization_id = r.organization_id AND f.agent_id = r.subject_id AND f.at = r.at)
           WHEN ''site'' THEN (SELECT sum(f.saved_ms) FROM (%2$s) AS f
             WHERE f.organization_id = r.organization_id AND f.site_id = r.subject_id AND f.at = r.at)
           ELSE (SELECT sum(f.saved_ms) FROM (%2$s) AS f
             WHERE f.organization_id = r.organization_id AND f.link_id = r.subject_id AND f.at = r.at)
         END, 0) WHERE r.saved_ms = ''Infinity'' AND r.level <> ''organization''',
        "child", "tunnels"
      );
      -- An organization's are made of its sites', in the same partition.
      EXECUTE format(
        'UPDATE %1$s AS r SET saved_ms = coalesce((SELECT sum(f.saved_ms) FROM %1$s AS f
           WHERE f.organization_id = r.organization_id AND f.level = ''site'' AND f.at = r.at), 0)
         WHERE r.saved_ms = ''Infinity'' AND r.level = ''organization''',
        "child"
      );
    END LOOP;
  END LOOP;
END $$;
DROP FUNCTION pg_temp.rows_of(text);
