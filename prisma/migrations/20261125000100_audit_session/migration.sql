-- By which of a person's sessions something was done.
ALTER TABLE "audit_events" ADD COLUMN "session_id" UUID;
-- Pages of the log, the newest first.
DROP INDEX "audit_events_organization_id_at_idx";
CREATE INDEX "audit_events_organization_id_at_id_idx" ON "audit_events"("organization_id", "at", "id");
