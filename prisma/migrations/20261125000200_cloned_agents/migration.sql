-- Two processes with one agent's identity are told apart by the ids of their starts.
ALTER TABLE "agents" ADD COLUMN "previous_boot_id" UUID, ADD COLUMN "boot_sequence" BIGINT,
  ADD COLUMN "clone_detected_at" TIMESTAMPTZ(3);
