-- The roles are made beforehand: see prisma/roles.sql.

-- CreateEnum
CREATE TYPE "role" AS ENUM ('OWNER', 'ADMIN', 'OPERATOR', 'VIEWER');

-- CreateEnum
CREATE TYPE "agent_state" AS ENUM ('PENDING', 'APPROVED', 'REVOKED');

-- CreateEnum
CREATE TYPE "apply_outcome" AS ENUM ('APPLIED', 'REJECTED', 'REVERTED');

-- CreateTable
CREATE TABLE "organizations" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "name" TEXT NOT NULL,
    "desired_state_epoch" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "email" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "memberships" (
    "organization_id" UUID NOT NULL,
    "user_organization_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "role" "role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("organization_id","user_id")
);

-- CreateTable
CREATE TABLE "api_tokens" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "public_id" TEXT NOT NULL,
    "secret_sha256" BYTEA NOT NULL,
    "name" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_by_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_tokens_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "user_id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "sites" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "name" TEXT NOT NULL,
    "location" TEXT,
    "labels" TEXT[],
    "lan_prefixes" TEXT[],
    "bandwidth_up_mbps" DOUBLE PRECISION,
    "bandwidth_down_mbps" DOUBLE PRECISION,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sites_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "agents" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "site_id" UUID NOT NULL,
    "hostname" TEXT NOT NULL,
    "labels" TEXT[],
    "state" "agent_state" NOT NULL,
    "version" TEXT NOT NULL,
    "nats_public_key" TEXT NOT NULL,
    "tunnel_public_key" TEXT NOT NULL,
    "tunnel_port" INTEGER NOT NULL,
    "endpoints" TEXT[],
    "enrollment_token_id" UUID,
    "enrolled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "approved_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "boot_id" UUID,
    "last_seen_at" TIMESTAMPTZ(3),

    CONSTRAINT "agents_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "links" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "site_a_id" UUID NOT NULL,
    "site_b_id" UUID NOT NULL,
    "profile" TEXT NOT NULL DEFAULT 'fair',
    "cipher_suite" TEXT NOT NULL DEFAULT 'aes-128-gcm',
    "rate_mbps_a_to_b" DOUBLE PRECISION,
    "rate_mbps_b_to_a" DOUBLE PRECISION,
    "max_udp_payload" INTEGER NOT NULL DEFAULT 1472,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "links_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "peer_keys" (
    "organization_id" UUID NOT NULL,
    "agent_a_id" UUID NOT NULL,
    "agent_b_id" UUID NOT NULL,
    "preshared_key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "peer_keys_pkey" PRIMARY KEY ("organization_id","agent_a_id","agent_b_id")
);

-- CreateTable
CREATE TABLE "enrollment_tokens" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "public_id" TEXT NOT NULL,
    "secret_sha256" BYTEA NOT NULL,
    "name" TEXT NOT NULL,
    "site_id" UUID NOT NULL,
    "labels" TEXT[],
    "max_uses" INTEGER NOT NULL DEFAULT 1,
    "uses" INTEGER NOT NULL DEFAULT 0,
    "needs_approval" BOOLEAN NOT NULL DEFAULT false,
    "created_by_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "enrollment_tokens_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "challenges" (
    "challenge_sha256" BYTEA NOT NULL,
    "nats_public_key" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "challenges_pkey" PRIMARY KEY ("challenge_sha256")
);

-- CreateTable
CREATE TABLE "policies" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "revision" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policies_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "policy_revisions" (
    "organization_id" UUID NOT NULL,
    "policy_id" UUID NOT NULL,
    "revision" INTEGER NOT NULL,
    "document" JSONB NOT NULL,
    "sha256" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "author" TEXT NOT NULL,
    "author_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policy_revisions_pkey" PRIMARY KEY ("organization_id","policy_id","revision")
);

-- CreateTable
CREATE TABLE "agent_desired_states" (
    "organization_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "epoch" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "revision" INTEGER,
    "document" JSONB NOT NULL,
    "content_sha256" TEXT NOT NULL,
    "compiled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "delivered_generation" INTEGER NOT NULL DEFAULT 0,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "agent_desired_states_pkey" PRIMARY KEY ("organization_id","agent_id")
);

-- CreateTable
CREATE TABLE "agent_applied" (
    "organization_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "epoch" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "policy_revision" INTEGER,
    "outcome" "apply_outcome" NOT NULL,
    "error" TEXT,
    "boot_id" UUID NOT NULL,
    "applied_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agent_applied_pkey" PRIMARY KEY ("organization_id","agent_id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "organization_id" UUID NOT NULL,
    "topic" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "payload" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "last_error" TEXT,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID,
    "actor_name" TEXT NOT NULL,
    "origin" TEXT,
    "action" TEXT NOT NULL,
    "target_id" TEXT,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_tokens_public_id_key" ON "api_tokens"("public_id");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "sessions"("token_hash");

-- CreateIndex
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "sites_organization_id_name_key" ON "sites"("organization_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "agents_nats_public_key_key" ON "agents"("nats_public_key");

-- CreateIndex
CREATE UNIQUE INDEX "agents_organization_id_tunnel_public_key_key" ON "agents"("organization_id", "tunnel_public_key");

-- CreateIndex
CREATE INDEX "agents_organization_id_site_id_idx" ON "agents"("organization_id", "site_id");

-- CreateIndex
CREATE UNIQUE INDEX "links_organization_id_site_a_id_site_b_id_key" ON "links"("organization_id", "site_a_id", "site_b_id");

-- CreateIndex
CREATE INDEX "peer_keys_organization_id_agent_b_id_idx" ON "peer_keys"("organization_id", "agent_b_id");

-- CreateIndex
CREATE UNIQUE INDEX "enrollment_tokens_public_id_key" ON "enrollment_tokens"("public_id");

-- CreateIndex
CREATE INDEX "challenges_expires_at_idx" ON "challenges"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "policies_organization_id_key" ON "policies"("organization_id");

-- CreateIndex
CREATE INDEX "outbox_due_at_id_idx" ON "outbox"("due_at", "id");

-- CreateIndex
CREATE INDEX "audit_events_organization_id_at_idx" ON "audit_events"("organization_id", "at");

-- AddForeignKey
ALTER TABLE "users" ADD CONSTRAINT "users_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_organization_id_user_id_fkey" FOREIGN KEY ("user_organization_id", "user_id") REFERENCES "users"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_organization_id_created_by_id_fkey" FOREIGN KEY ("organization_id", "created_by_id") REFERENCES "memberships"("organization_id", "user_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_organization_id_user_id_fkey" FOREIGN KEY ("organization_id", "user_id") REFERENCES "memberships"("organization_id", "user_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sites" ADD CONSTRAINT "sites_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_organization_id_site_id_fkey" FOREIGN KEY ("organization_id", "site_id") REFERENCES "sites"("organization_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "links" ADD CONSTRAINT "links_organization_id_site_a_id_fkey" FOREIGN KEY ("organization_id", "site_a_id") REFERENCES "sites"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "links" ADD CONSTRAINT "links_organization_id_site_b_id_fkey" FOREIGN KEY ("organization_id", "site_b_id") REFERENCES "sites"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "peer_keys" ADD CONSTRAINT "peer_keys_organization_id_agent_a_id_fkey" FOREIGN KEY ("organization_id", "agent_a_id") REFERENCES "agents"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "peer_keys" ADD CONSTRAINT "peer_keys_organization_id_agent_b_id_fkey" FOREIGN KEY ("organization_id", "agent_b_id") REFERENCES "agents"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "enrollment_tokens" ADD CONSTRAINT "enrollment_tokens_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "enrollment_tokens" ADD CONSTRAINT "enrollment_tokens_organization_id_site_id_fkey" FOREIGN KEY ("organization_id", "site_id") REFERENCES "sites"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "policies" ADD CONSTRAINT "policies_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "policy_revisions" ADD CONSTRAINT "policy_revisions_organization_id_policy_id_fkey" FOREIGN KEY ("organization_id", "policy_id") REFERENCES "policies"("organization_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_desired_states" ADD CONSTRAINT "agent_desired_states_organization_id_agent_id_fkey" FOREIGN KEY ("organization_id", "agent_id") REFERENCES "agents"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_applied" ADD CONSTRAINT "agent_applied_organization_id_agent_id_fkey" FOREIGN KEY ("organization_id", "agent_id") REFERENCES "agents"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- What the types cannot say
ALTER TABLE "enrollment_tokens" ADD CONSTRAINT "enrollment_tokens_uses" CHECK ("uses" BETWEEN 0 AND "max_uses");
ALTER TABLE "links" ADD CONSTRAINT "links_order" CHECK ("site_a_id" < "site_b_id");
ALTER TABLE "links" ADD CONSTRAINT "links_profile" CHECK ("profile" IN ('fair', 'lossy', 'fixed'));
ALTER TABLE "links" ADD CONSTRAINT "links_rates" CHECK ("rate_mbps_a_to_b" > 0 AND "rate_mbps_b_to_a" > 0);
ALTER TABLE "peer_keys" ADD CONSTRAINT "peer_keys_order" CHECK ("agent_a_id" < "agent_b_id");
ALTER TABLE "users" ADD CONSTRAINT "users_email_lower" CHECK ("email" = lower("email"));

-- History is written once.
CREATE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER "policy_revisions_immutable" BEFORE UPDATE OR DELETE ON "policy_revisions"
  FOR EACH ROW EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "policy_revisions_no_truncate" BEFORE TRUNCATE ON "policy_revisions"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "audit_events_immutable" BEFORE UPDATE OR DELETE ON "audit_events"
  FOR EACH ROW EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "audit_events_no_truncate" BEFORE TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();

-- Delivery starts at the commit, not at the next poll.
CREATE FUNCTION "notify_outbox"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('longhaul_outbox', '');
  RETURN NULL;
END $$;
CREATE TRIGGER "outbox_notify" AFTER INSERT ON "outbox" FOR EACH STATEMENT EXECUTE FUNCTION "notify_outbox"();

-- Tenants. The controller says whose request it serves by set_config('app.organization_id', …, true) at the start of a
-- transaction; without that, no row of any tenant exists for it.
CREATE FUNCTION "current_organization_id"() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(current_setting('app.organization_id', true), '')::uuid;

DO $$
DECLARE
  "name" text;
BEGIN
  FOREACH "name" IN ARRAY ARRAY[
    'users', 'memberships', 'api_tokens', 'sessions', 'sites', 'agents', 'links', 'peer_keys', 'enrollment_tokens',
    'policies', 'policy_revisions', 'agent_desired_states', 'agent_applied', 'outbox', 'audit_events'
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

ALTER TABLE "organizations" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "organizations" FORCE ROW LEVEL SECURITY;
CREATE POLICY "tenant" ON "organizations" TO longhaul_app
  USING ("id" = current_organization_id()) WITH CHECK ("id" = current_organization_id());
CREATE POLICY "worker" ON "organizations" TO longhaul_worker USING (true) WITH CHECK (true);

ALTER TABLE "challenges" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "challenges" FORCE ROW LEVEL SECURITY;
CREATE POLICY "worker" ON "challenges" TO longhaul_worker USING (true) WITH CHECK (true);

-- A credential is looked up before its organization is known: exactly the row that it names, to read only.
CREATE POLICY "by_email" ON "users" FOR SELECT TO longhaul_app
  USING ("email" = current_setting('app.sign_in_email', true));
CREATE POLICY "by_membership" ON "users" FOR SELECT TO longhaul_app
  USING (EXISTS (SELECT 1 FROM "memberships" m
    WHERE m."organization_id" = current_organization_id()
      AND m."user_organization_id" = "users"."organization_id" AND m."user_id" = "users"."id"));
CREATE POLICY "by_user" ON "memberships" FOR SELECT TO longhaul_app
  USING ("user_id" = NULLIF(current_setting('app.user_id', true), '')::uuid);
CREATE POLICY "by_token" ON "sessions" FOR SELECT TO longhaul_app
  USING ("token_hash" = decode(current_setting('app.session_hash', true), 'hex'));
CREATE POLICY "by_public_id" ON "api_tokens" FOR SELECT TO longhaul_app
  USING ("public_id" = current_setting('app.api_token_id', true));

-- What each role may do at all. The worker has no business with people and their credentials.
REVOKE ALL ON SCHEMA "public" FROM PUBLIC;
GRANT USAGE ON SCHEMA "public" TO longhaul_app, longhaul_worker;

GRANT SELECT, INSERT, UPDATE ON "organizations", "api_tokens", "enrollment_tokens", "policies" TO longhaul_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON "users", "memberships", "sessions", "sites", "links", "peer_keys",
  "agent_desired_states" TO longhaul_app;
GRANT SELECT, UPDATE, DELETE ON "agents" TO longhaul_app;
GRANT SELECT, DELETE ON "agent_applied" TO longhaul_app;
GRANT SELECT, INSERT ON "policy_revisions", "audit_events", "outbox" TO longhaul_app;

GRANT SELECT ON "organizations", "sites", "policies", "policy_revisions" TO longhaul_worker;
GRANT UPDATE ("desired_state_epoch") ON "organizations" TO longhaul_worker;
GRANT SELECT, UPDATE ON "enrollment_tokens" TO longhaul_worker;
GRANT SELECT, INSERT, UPDATE ON "agents" TO longhaul_worker;
GRANT SELECT, INSERT ON "links", "audit_events" TO longhaul_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON "peer_keys", "agent_desired_states", "agent_applied", "outbox", "challenges"
  TO longhaul_worker;
GRANT USAGE ON SEQUENCE "outbox_id_seq" TO longhaul_app, longhaul_worker;

-- Telemetry's tables are partitions that the worker makes and drops; they are not Prisma's.
CREATE SCHEMA "telemetry";
GRANT USAGE, CREATE ON SCHEMA "telemetry" TO longhaul_worker;
GRANT USAGE ON SCHEMA "telemetry" TO longhaul_app;
