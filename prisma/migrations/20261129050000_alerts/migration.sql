-- Alerts: rules, what came of them, and who was told.
CREATE TYPE "alert_kind" AS ENUM ('AGENT_DOWN', 'LINK_LOSS', 'LINK_RTT', 'DRIFT', 'NO_ACCELERATION', 'TOKEN_ABUSE');
CREATE TYPE "alert_severity" AS ENUM ('INFO', 'WARNING', 'CRITICAL');
CREATE TYPE "alert_state" AS ENUM ('PENDING', 'FIRING', 'RESOLVED');
CREATE TYPE "alert_subject_kind" AS ENUM ('AGENT', 'LINK', 'ENROLLMENT_TOKEN', 'ORGANIZATION');
CREATE TYPE "alert_resolution" AS ENUM ('CLEARED', 'NO_DATA', 'GONE', 'RULE_ENDED');
CREATE TYPE "delivery_state" AS ENUM ('PENDING', 'DELIVERED', 'FAILED');

CREATE TABLE "alert_rules" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "name" TEXT NOT NULL,
    "kind" "alert_kind" NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "severity" "alert_severity" NOT NULL,
    "site_label" TEXT,
    "site_id" UUID,
    "threshold" DOUBLE PRECISION NOT NULL,
    "clear_threshold" DOUBLE PRECISION NOT NULL,
    "for_seconds" INTEGER NOT NULL,
    "clear_for_seconds" INTEGER NOT NULL,
    "repeat_seconds" INTEGER,
    "emails" TEXT[],
    "silenced_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "alert_rules_pkey" PRIMARY KEY ("organization_id","id")
);
CREATE UNIQUE INDEX "alert_rules_organization_id_name_key" ON "alert_rules"("organization_id", "name");
ALTER TABLE "alert_rules" ADD CONSTRAINT "alert_rules_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "alert_rules" ADD CONSTRAINT "alert_rules_organization_id_site_id_fkey" FOREIGN KEY ("organization_id", "site_id") REFERENCES "sites"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "alert_rules" ADD CONSTRAINT "alert_rules_scope" CHECK ("site_label" IS NULL OR "site_id" IS NULL);
ALTER TABLE "alert_rules" ADD CONSTRAINT "alert_rules_thresholds" CHECK ("threshold" > 0 AND "clear_threshold" BETWEEN 0 AND "threshold");
ALTER TABLE "alert_rules" ADD CONSTRAINT "alert_rules_times" CHECK ("for_seconds" >= 0 AND "clear_for_seconds" >= 0 AND "repeat_seconds" > 0);

CREATE TABLE "webhooks" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "name" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "secret_sealed" BYTEA NOT NULL,
    "previous_secret_sealed" BYTEA,
    "previous_secret_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhooks_pkey" PRIMARY KEY ("organization_id","id")
);
CREATE UNIQUE INDEX "webhooks_organization_id_name_key" ON "webhooks"("organization_id", "name");
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "alert_rule_webhooks" (
    "organization_id" UUID NOT NULL,
    "rule_id" UUID NOT NULL,
    "webhook_id" UUID NOT NULL,

    CONSTRAINT "alert_rule_webhooks_pkey" PRIMARY KEY ("organization_id","rule_id","webhook_id")
);
CREATE INDEX "alert_rule_webhooks_organization_id_webhook_id_idx" ON "alert_rule_webhooks"("organization_id", "webhook_id");
ALTER TABLE "alert_rule_webhooks" ADD CONSTRAINT "alert_rule_webhooks_organization_id_rule_id_fkey" FOREIGN KEY ("organization_id", "rule_id") REFERENCES "alert_rules"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "alert_rule_webhooks" ADD CONSTRAINT "alert_rule_webhooks_organization_id_webhook_id_fkey" FOREIGN KEY ("organization_id", "webhook_id") REFERENCES "webhooks"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "alerts" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "rule_id" UUID NOT NULL,
    "rule_name" TEXT NOT NULL,
    "kind" "alert_kind" NOT NULL,
    "severity" "alert_severity" NOT NULL,
    "state" "alert_state" NOT NULL,
    "subject_kind" "alert_subject_kind" NOT NULL,
    "subject_id" UUID NOT NULL,
    "subject_name" TEXT NOT NULL,
    "site_ids" UUID[],
    "value" DOUBLE PRECISION NOT NULL,
    "summary" TEXT NOT NULL,
    "open" BOOLEAN DEFAULT true,
    "pending_since" TIMESTAMPTZ(3) NOT NULL,
    "firing_since" TIMESTAMPTZ(3),
    "clearing_since" TIMESTAMPTZ(3),
    "missing_since" TIMESTAMPTZ(3),
    "resolved_at" TIMESTAMPTZ(3),
    "resolution" "alert_resolution",
    "notified_at" TIMESTAMPTZ(3),
    "acknowledged_at" TIMESTAMPTZ(3),
    "acknowledged_by" TEXT,
    "silenced_until" TIMESTAMPTZ(3),

    CONSTRAINT "alerts_pkey" PRIMARY KEY ("organization_id","id")
);
-- Nulls are distinct: of those that are over there may be many.
CREATE UNIQUE INDEX "alerts_organization_id_rule_id_subject_id_open_key" ON "alerts"("organization_id", "rule_id", "subject_id", "open");
CREATE INDEX "alerts_organization_id_pending_since_id_idx" ON "alerts"("organization_id", "pending_since", "id");
CREATE INDEX "alerts_organization_id_open_idx" ON "alerts"("organization_id", "open");
CREATE INDEX "alerts_resolved_at_idx" ON "alerts"("resolved_at");
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "alert_evaluations" (
    "organization_id" UUID NOT NULL,
    "evaluated_at" TIMESTAMPTZ(3),

    CONSTRAINT "alert_evaluations_pkey" PRIMARY KEY ("organization_id")
);
ALTER TABLE "alert_evaluations" ADD CONSTRAINT "alert_evaluations_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "enrollment_refusals" (
    "organization_id" UUID NOT NULL,
    "subject_id" UUID NOT NULL,
    "minute" TIMESTAMPTZ(3) NOT NULL,
    "code" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "origin" TEXT,

    CONSTRAINT "enrollment_refusals_pkey" PRIMARY KEY ("organization_id","subject_id","minute","code")
);
CREATE INDEX "enrollment_refusals_minute_idx" ON "enrollment_refusals"("minute");
ALTER TABLE "enrollment_refusals" ADD CONSTRAINT "enrollment_refusals_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "deliveries" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "event" TEXT NOT NULL,
    "alert_ids" UUID[],
    "webhook_id" UUID,
    "email" TEXT,
    "payload" JSONB NOT NULL,
    "state" "delivery_state" NOT NULL DEFAULT 'PENDING',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "retries" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("organization_id","id")
);
CREATE INDEX "deliveries_organization_id_created_at_id_idx" ON "deliveries"("organization_id", "created_at", "id");
CREATE INDEX "deliveries_organization_id_webhook_id_idx" ON "deliveries"("organization_id", "webhook_id");
CREATE INDEX "deliveries_due_at_idx" ON "deliveries"("due_at");
CREATE INDEX "deliveries_created_at_idx" ON "deliveries"("created_at");
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_organization_id_webhook_id_fkey" FOREIGN KEY ("organization_id", "webhook_id") REFERENCES "webhooks"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "delivery_attempts" (
    "organization_id" UUID NOT NULL,
    "delivery_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "status" INTEGER,
    "error" TEXT,
    "response" TEXT,

    CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY ("organization_id","delivery_id","number")
);
ALTER TABLE "delivery_attempts" ADD CONSTRAINT "delivery_attempts_organization_id_delivery_id_fkey" FOREIGN KEY ("organization_id", "delivery_id") REFERENCES "deliveries"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

DO $$
DECLARE
  "name" text;
BEGIN
  FOREACH "name" IN ARRAY ARRAY[
    'alert_rules', 'webhooks', 'alert_rule_webhooks', 'alerts', 'alert_evaluations', 'enrollment_refusals', 'deliveries',
    'delivery_attempts'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', "name");
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', "name");
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO longhaul_app USING (organization_id = current_organization_id()) WITH CHECK (organization_id = current_organization_id())',
      "name"
    );
    EXECUTE format('CREATE POLICY worker ON %I TO longhaul_worker USING (true) WITH CHECK (true)', "name");
  END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON "alert_rules", "webhooks", "alert_rule_webhooks" TO longhaul_app;
GRANT SELECT, UPDATE, DELETE ON "alerts" TO longhaul_app;
GRANT SELECT, INSERT, UPDATE ON "deliveries" TO longhaul_app;
GRANT SELECT, INSERT ON "alert_evaluations" TO longhaul_app;
GRANT SELECT ON "delivery_attempts" TO longhaul_app;

GRANT SELECT, INSERT ON "alert_rules" TO longhaul_worker;
GRANT SELECT ON "webhooks", "alert_rule_webhooks" TO longhaul_worker;
GRANT SELECT, INSERT, UPDATE ON "alert_evaluations" TO longhaul_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON "alerts", "enrollment_refusals", "deliveries", "delivery_attempts" TO longhaul_worker;

-- Connections that a rule names and that did not go through a tunnel, by the time when they were opened.
CREATE INDEX "flows_not_accelerated" ON "telemetry"."flows" ("organization_id", "started_at") INCLUDE ("agent_id")
  WHERE "handling" <> 'accelerated' AND "rule_id" IS NOT NULL;
