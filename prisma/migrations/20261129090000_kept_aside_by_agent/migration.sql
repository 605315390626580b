-- To count what was kept aside of one agent before more of it is.
CREATE INDEX "poison_agent_id" ON "telemetry"."poison" ("agent_id");
