-- Releases of the agent, which version sites want, and its staged rollout.

-- A file of the same hash is in the controller's state folder.
CREATE TABLE "agent_releases" (
    "organization_id" UUID NOT NULL,
    "version" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" INTEGER NOT NULL,
    "signature" TEXT,
    "notes" TEXT,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "confirm_seconds" INTEGER NOT NULL DEFAULT 60,
    "soak_seconds" INTEGER NOT NULL DEFAULT 30,
    "drain_seconds" INTEGER NOT NULL DEFAULT 300,
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agent_releases_pkey" PRIMARY KEY ("organization_id","version")
);
ALTER TABLE "agent_releases" ADD CONSTRAINT "agent_releases_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "upgrades" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "version" TEXT NOT NULL,
    "base_version" TEXT,
    "state" "rollout_state" NOT NULL DEFAULT 'RUNNING',
    "stages" JSONB NOT NULL,
    "stage" INTEGER NOT NULL DEFAULT 0,
    "stage_started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "soak_seconds" INTEGER NOT NULL,
    "confirm_seconds" INTEGER NOT NULL,
    "max_failures" INTEGER NOT NULL,
    "reason" TEXT,
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "upgrades_pkey" PRIMARY KEY ("organization_id","id")
);
CREATE INDEX "upgrades_state_idx" ON "upgrades"("state");
ALTER TABLE "upgrades" ADD CONSTRAINT "upgrades_organization_id_version_fkey" FOREIGN KEY ("organization_id", "version") REFERENCES "agent_releases"("organization_id", "version") ON DELETE CASCADE ON UPDATE CASCADE;

-- Null: the agents keep what they run; of a site: what the organization wants.
ALTER TABLE "organizations" ADD COLUMN "agent_version" TEXT;
ALTER TABLE "sites" ADD COLUMN "agent_version" TEXT;
-- What the agent says of its upgrades; null: nobody upgrades it.
ALTER TABLE "agents" ADD COLUMN "upgrade" JSONB;

ALTER TABLE "agent_releases" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "agent_releases" FORCE ROW LEVEL SECURITY;
CREATE POLICY "tenant" ON "agent_releases" TO longhaul_app
  USING ("organization_id" = current_organization_id()) WITH CHECK ("organization_id" = current_organization_id());
CREATE POLICY "worker" ON "agent_releases" TO longhaul_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON "agent_releases" TO longhaul_app;
GRANT SELECT ON "agent_releases" TO longhaul_worker;

ALTER TABLE "upgrades" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "upgrades" FORCE ROW LEVEL SECURITY;
CREATE POLICY "tenant" ON "upgrades" TO longhaul_app
  USING ("organization_id" = current_organization_id()) WITH CHECK ("organization_id" = current_organization_id());
CREATE POLICY "worker" ON "upgrades" TO longhaul_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON "upgrades" TO longhaul_app;
GRANT SELECT, UPDATE ON "upgrades" TO longhaul_worker;

-- A rollout that has reached all sites is what the organization wants.
GRANT UPDATE ("agent_version") ON "organizations" TO longhaul_app, longhaul_worker;
