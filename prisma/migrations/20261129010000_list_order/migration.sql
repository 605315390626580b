-- The orders in which long lists are read page by page.
CREATE INDEX "agents_organization_id_hostname_id_idx" ON "agents" ("organization_id", "hostname", "id");
CREATE INDEX "links_organization_id_created_at_id_idx" ON "links" ("organization_id", "created_at", "id");
CREATE INDEX "enrollment_tokens_organization_id_created_at_id_idx" ON "enrollment_tokens" ("organization_id", "created_at", "id");
