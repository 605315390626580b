-- Deletes connections that began before the oldest partition, and were not heard of since `day` (UTC): at most so many, of which none is
-- being written. Returns how many. The worker may not delete from the table itself.
CREATE FUNCTION "telemetry"."delete_old_connections"("day" date, "at_most" integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  "deleted" integer;
BEGIN
  DELETE FROM telemetry.flows_old WHERE ctid = ANY (ARRAY(
    SELECT f.ctid FROM telemetry.flows_old f WHERE f.last_seen_at < "day"::timestamp AT TIME ZONE 'UTC'
    LIMIT "at_most" FOR UPDATE SKIP LOCKED
  ));
  GET DIAGNOSTICS "deleted" = ROW_COUNT;
  RETURN "deleted";
END $$;
REVOKE ALL ON FUNCTION "telemetry"."delete_old_connections"(date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "telemetry"."delete_old_connections"(date, integer) TO longhaul_worker;
