-- Staged rollouts of policy revisions.
CREATE TYPE "rollout_state" AS ENUM ('RUNNING', 'HALTED', 'COMPLETED', 'ABORTED');
CREATE TABLE "rollouts" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "policy_id" UUID NOT NULL,
    "revision" INTEGER NOT NULL,
    "base_revision" INTEGER,
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

    CONSTRAINT "rollouts_pkey" PRIMARY KEY ("organization_id","id")
);
CREATE INDEX "rollouts_state_idx" ON "rollouts"("state");
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_organization_id_policy_id_revision_fkey" FOREIGN KEY ("organization_id", "policy_id", "revision") REFERENCES "policy_revisions"("organization_id", "policy_id", "revision") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "rollouts" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "rollouts" FORCE ROW LEVEL SECURITY;
CREATE POLICY "tenant" ON "rollouts" TO longhaul_app
  USING ("organization_id" = current_organization_id()) WITH CHECK ("organization_id" = current_organization_id());
CREATE POLICY "worker" ON "rollouts" TO longhaul_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON "rollouts" TO longhaul_app;
GRANT SELECT, UPDATE ON "rollouts" TO longhaul_worker;
GRANT UPDATE ("revision") ON "policies" TO longhaul_worker;
