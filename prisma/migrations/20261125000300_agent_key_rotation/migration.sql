-- Keys that an agent is about to use; the old ones are good until the first use of the new, or until the time.
ALTER TABLE "agents" ADD COLUMN "next_nats_public_key" TEXT, ADD COLUMN "next_tunnel_public_key" TEXT,
  ADD COLUMN "next_keys_until" TIMESTAMPTZ(3);
CREATE UNIQUE INDEX "agents_next_nats_public_key_key" ON "agents"("next_nats_public_key");

-- Keys that were rotated away: NATS refuses them until their credentials have expired.
CREATE TABLE "retired_nats_keys" (
    "organization_id" UUID NOT NULL,
    "nats_public_key" TEXT NOT NULL,
    "agent_id" UUID NOT NULL,
    "retired_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "retired_nats_keys_pkey" PRIMARY KEY ("organization_id","nats_public_key")
);
ALTER TABLE "retired_nats_keys" ADD CONSTRAINT "retired_nats_keys_organization_id_agent_id_fkey" FOREIGN KEY ("organization_id", "agent_id") REFERENCES "agents"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "retired_nats_keys" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "retired_nats_keys" FORCE ROW LEVEL SECURITY;
CREATE POLICY "worker" ON "retired_nats_keys" TO longhaul_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON "retired_nats_keys" TO longhaul_worker;
