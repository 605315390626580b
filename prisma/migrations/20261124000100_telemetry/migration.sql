-- Telemetry: day partitions, outside of the Prisma schema. The worker inserts; tenants read their own rows; only the
-- functions below, with their owner's rights, make and drop partitions.
REVOKE CREATE ON SCHEMA "telemetry" FROM longhaul_worker;

-- One tunnel over one interval, as one of its ends saw it. The key makes storage exact: a batch that comes again changes
-- nothing. It begins with what series are asked by.
CREATE TABLE "telemetry"."link_samples" (
  "organization_id" uuid NOT NULL,
  "agent_id" uuid NOT NULL,
  "at" timestamptz NOT NULL,
  "boot_id" uuid NOT NULL,
  "sequence" bigint NOT NULL,
  "ordinal" integer NOT NULL,
  "peer_agent_id" uuid NOT NULL,
  "interval_ms" double precision NOT NULL,
  "state" text NOT NULL,
  "bytes_sent" bigint NOT NULL,
  "bytes_received" bigint NOT NULL,
  "wire_bytes_sent" bigint NOT NULL,
  "wire_bytes_received" bigint NOT NULL,
  "packets_sent" bigint NOT NULL,
  "packets_lost" bigint NOT NULL,
  "packets_retransmitted" bigint NOT NULL,
  "packets_spurious" bigint NOT NULL,
  "min_rtt_ms" real,
  "smoothed_rtt_ms" real,
  "queue_delay_ms" real,
  "pacing_mbps" real,
  "mtu" integer NOT NULL,
  "open_streams" integer NOT NULL,
  PRIMARY KEY ("agent_id", "at", "boot_id", "sequence", "ordinal")
) PARTITION BY RANGE ("at");
CREATE INDEX "link_samples_at" ON "telemetry"."link_samples" USING brin ("at");

-- One TCP connection over one interval, or its end.
CREATE TABLE "telemetry"."flow_records" (
  "organization_id" uuid NOT NULL,
  "agent_id" uuid NOT NULL,
  "at" timestamptz NOT NULL,
  "boot_id" uuid NOT NULL,
  "sequence" bigint NOT NULL,
  "ordinal" integer NOT NULL,
  "flow_id" uuid NOT NULL,
  "bytes_up" bigint NOT NULL,
  "bytes_down" bigint NOT NULL,
  "encoded_bytes_up" bigint NOT NULL,
  "encoded_bytes_down" bigint NOT NULL,
  PRIMARY KEY ("agent_id", "at", "boot_id", "sequence", "ordinal")
) PARTITION BY RANGE ("at");
CREATE INDEX "flow_records_at" ON "telemetry"."flow_records" USING brin ("at");

-- One TCP connection as a whole: summed from the records that were new, in the statement that stored them.
CREATE TABLE "telemetry"."flows" (
  "organization_id" uuid NOT NULL,
  "agent_id" uuid NOT NULL,
  "flow_id" uuid NOT NULL,
  "started_at" timestamptz NOT NULL,
  "last_seen_at" timestamptz NOT NULL,
  "peer_agent_id" uuid,
  "source" text NOT NULL,
  "destination" text NOT NULL,
  "destination_port" integer NOT NULL,
  "rule_id" text,
  "handling" text NOT NULL,
  "ended" text,
  "reason" text,
  "bytes_up" bigint NOT NULL,
  "bytes_down" bigint NOT NULL,
  "encoded_bytes_up" bigint NOT NULL,
  "encoded_bytes_down" bigint NOT NULL,
  PRIMARY KEY ("agent_id", "started_at", "flow_id")
) PARTITION BY RANGE ("started_at");
CREATE INDEX "flows_newest_first" ON "telemetry"."flows" ("organization_id", "started_at" DESC, "flow_id" DESC);
-- For connections older than the oldest partition. Sums of live flows change often: leave room for that on the page.
CREATE TABLE "telemetry"."flows_old" PARTITION OF "telemetry"."flows" DEFAULT WITH (fillfactor = 80);

-- Messages that cannot be stored, kept aside for a person to look at.
CREATE TABLE "telemetry"."poison" (
  "id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "received_at" timestamptz NOT NULL DEFAULT now(),
  "organization_id" uuid,
  "agent_id" uuid,
  "subject" text NOT NULL,
  "stream_sequence" bigint NOT NULL,
  "reason" text NOT NULL,
  "body" bytea NOT NULL,
  UNIQUE ("subject", "stream_sequence")
);

DO $$
DECLARE
  "name" text;
BEGIN
  FOREACH "name" IN ARRAY ARRAY['link_samples', 'flow_records', 'flows', 'poison'] LOOP
    EXECUTE format('ALTER TABLE "telemetry".%I ENABLE ROW LEVEL SECURITY', "name");
    EXECUTE format('ALTER TABLE "telemetry".%I FORCE ROW LEVEL SECURITY', "name");
    EXECUTE format(
      'CREATE POLICY tenant ON "telemetry".%I FOR SELECT TO longhaul_app USING (organization_id = current_organization_id())',
      "name"
    );
    EXECUTE format('CREATE POLICY worker ON "telemetry".%I TO longhaul_worker USING (true) WITH CHECK (true)', "name");
  END LOOP;
END $$;
GRANT SELECT ON "telemetry"."link_samples", "telemetry"."flow_records", "telemetry"."flows" TO longhaul_app;
GRANT SELECT, INSERT ON "telemetry"."link_samples", "telemetry"."flow_records" TO longhaul_worker;
GRANT SELECT, INSERT, UPDATE ON "telemetry"."flows" TO longhaul_worker;
GRANT SELECT, INSERT, DELETE ON "telemetry"."poison" TO longhaul_worker;

-- Makes the day partitions (UTC) from `first_day` to `last_day`; safe to repeat and to run at once.
CREATE FUNCTION "telemetry"."ensure_partitions"("first_day" date, "last_day" date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  "day" date;
  "parent" text;
  "child" text;
BEGIN
  IF last_day - first_day > 400 THEN
    RAISE EXCEPTION 'more than 400 days of partitions were asked for';
  END IF;
  PERFORM pg_advisory_xact_lock(4812078);
  FOR "day" IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
    FOREACH "parent" IN ARRAY ARRAY['link_samples', 'flow_records', 'flows'] LOOP
      "child" := "parent" || '_' || to_char("day", 'YYYYMMDD');
      IF to_regclass('telemetry.' || "child") IS NULL THEN
        EXECUTE format(
          'CREATE TABLE telemetry.%I PARTITION OF telemetry.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
          "child", "parent", "day"::text || ' 00:00:00+00', ("day" + 1)::text || ' 00:00:00+00',
          CASE "parent" WHEN 'flows' THEN 80 ELSE 100 END
        );
      END IF;
    END LOOP;
  END LOOP;
END $$;

-- Drops the day partitions of one table that end at or before `day`; returns how many.
CREATE FUNCTION "telemetry"."drop_partitions"("parent" text, "day" date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  "child" text;
  "dropped" integer := 0;
BEGIN
  IF "parent" NOT IN ('link_samples', 'flow_records', 'flows') THEN
    RAISE EXCEPTION 'not a partitioned table of telemetry: %', "parent";
  END IF;
  PERFORM pg_advisory_xact_lock(4812078);
  FOR "child" IN
    SELECT c.relname FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = ('telemetry.' || "parent")::regclass
      AND c.relname ~ ('^' || "parent" || '_[0-9]{8}$')
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < "day"
  LOOP
    EXECUTE format('DROP TABLE telemetry.%I', "child");
    "dropped" := "dropped" + 1;
  END LOOP;
  RETURN "dropped";
END $$;

REVOKE ALL ON FUNCTION "telemetry"."ensure_partitions"(date, date), "telemetry"."drop_partitions"(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "telemetry"."ensure_partitions"(date, date), "telemetry"."drop_partitions"(text, date)
  TO longhaul_worker;
