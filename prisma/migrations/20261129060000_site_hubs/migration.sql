-- Hub and spoke beside the full mesh: a site that names hubs is linked to them only.
ALTER TABLE "sites" ADD COLUMN "hub_site_ids" UUID[] DEFAULT ARRAY[]::UUID[];
