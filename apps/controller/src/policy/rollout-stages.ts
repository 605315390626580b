import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ScopedSite } from './scoped-policy.js';

/** Sites that get a revision at one time: those with a label, or a share of all. */
export const rolloutStageSchema = z.union([
  z.object({ label: z.string() }),
  z.object({ percent: z.int().min(1).max(100) }),
]);

export const rolloutStagesSchema = z.array(rolloutStageSchema).min(1);

export type RolloutStage = z.infer<typeof rolloutStageSchema>;

/** Where a rollout is. */
export interface RolloutPosition {
  readonly id: string;
  readonly stages: readonly RolloutStage[];
  /** Index of the stage that has begun. */
  readonly stage: number;
}

/** Canaries first, then ever more, then all. */
export const planStages = (canaryLabel: string | null, percentages: readonly number[]): RolloutStage[] => [
  ...(canaryLabel === null ? [] : [{ label: canaryLabel }]),
  ...percentages.filter((percent) => percent < 100).map((percent) => ({ percent })),
  { percent: 100 },
];

/** Whether a site has the revision: whether any stage so far selects it. */
export const isReached = ({ id, stages, stage }: RolloutPosition, site: ScopedSite): boolean =>
  stages
    .slice(0, stage + 1)
    .some((each) =>
      'label' in each ? site.labels.includes(each.label) : placeOf(id, site.id) < each.percent / 100,
    );

/** Where a site stands in the order of one rollout, evenly from 0 to below 1: the same each time, another for each rollout. */
const placeOf = (rolloutId: string, siteId: string): number =>
  createHash('sha256').update(`${rolloutId} ${siteId}`).digest().readUInt32BE() / 2 ** 32;
