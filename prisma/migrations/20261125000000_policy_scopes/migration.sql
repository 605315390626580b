-- A policy for the organization, for each site group (a label), for each site.
CREATE TYPE "policy_scope" AS ENUM ('ORGANIZATION', 'SITE_GROUP', 'SITE');
ALTER TABLE "policies" ADD COLUMN "scope" "policy_scope" NOT NULL DEFAULT 'ORGANIZATION';
ALTER TABLE "policies" ADD COLUMN "target" TEXT NOT NULL DEFAULT '';
ALTER TABLE "policies" ADD CONSTRAINT "policies_target" CHECK (("scope" = 'ORGANIZATION') = ("target" = ''));

DROP INDEX "policies_organization_id_key";
CREATE UNIQUE INDEX "policies_organization_id_scope_target_key" ON "policies"("organization_id", "scope", "target");
-- One count of revisions over all policies: a desired state names one number.
CREATE UNIQUE INDEX "policy_revisions_organization_id_revision_key" ON "policy_revisions"("organization_id", "revision");
