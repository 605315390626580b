-- The organization that runs the controller makes others; it is the one of the first start.
ALTER TABLE "organizations" ADD COLUMN "is_provider" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "organizations" NO FORCE ROW LEVEL SECURITY;
UPDATE "organizations" SET "is_provider" = true
WHERE "id" = (SELECT "id" FROM "organizations" ORDER BY "created_at", "id" LIMIT 1);
ALTER TABLE "organizations" FORCE ROW LEVEL SECURITY;

-- Who signs in by OpenID Connect only has no password.
ALTER TABLE "users" ALTER COLUMN "password_hash" DROP NOT NULL;
ALTER TABLE "users" ADD COLUMN "oidc_identity" TEXT;
CREATE UNIQUE INDEX "users_oidc_identity_key" ON "users"("oidc_identity");
ALTER TABLE "memberships" ADD COLUMN "by_oidc" BOOLEAN NOT NULL DEFAULT false;

ALTER TABLE "sessions" ADD COLUMN "origin" TEXT, ADD COLUMN "user_agent" TEXT, ADD COLUMN "last_used_at" TIMESTAMPTZ(3);

-- Look-ups before the organization is known: exactly what they name, to read only.
CREATE POLICY "by_oidc_identity" ON "users" FOR SELECT TO longhaul_app
  USING ("oidc_identity" = current_setting('app.oidc_identity', true));
CREATE POLICY "by_member" ON "organizations" FOR SELECT TO longhaul_app
  USING (EXISTS (SELECT 1 FROM "memberships" m
    WHERE m."organization_id" = "organizations"."id"
      AND m."user_id" = NULLIF(current_setting('app.user_id', true), '')::uuid));

-- Only the worker, at the first start, says who the provider is.
CREATE POLICY "no_provider" ON "organizations" AS RESTRICTIVE FOR INSERT TO longhaul_app
  WITH CHECK (NOT "is_provider");
REVOKE UPDATE ON "organizations" FROM longhaul_app;
GRANT UPDATE ("name") ON "organizations" TO longhaul_app;
GRANT UPDATE ("is_provider") ON "organizations" TO longhaul_worker;
