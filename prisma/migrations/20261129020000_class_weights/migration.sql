-- How the traffic classes share a link's tunnels; the defaults are what agents did before.
ALTER TABLE "links" ADD COLUMN "interactive_weight" INTEGER NOT NULL DEFAULT 16,
  ADD COLUMN "bulk_weight" INTEGER NOT NULL DEFAULT 4,
  ADD COLUMN "scavenger_weight" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "links" ADD CONSTRAINT "links_weights" CHECK (
  "interactive_weight" BETWEEN 1 AND 1000 AND "bulk_weight" BETWEEN 1 AND 1000 AND "scavenger_weight" BETWEEN 1 AND 1000
);
