import type { ClassWeights } from '@longhaul/contracts';

/** The columns of a link that weigh the traffic classes. */
export interface WeightColumns {
  readonly interactiveWeight: number;
  readonly bulkWeight: number;
  readonly scavengerWeight: number;
}

export const classWeightsOf = (link: WeightColumns): ClassWeights => ({
  interactive: link.interactiveWeight,
  bulk: link.bulkWeight,
  scavenger: link.scavengerWeight,
});

/** The columns for weights of which some may be left out: those stay. */
export const weightColumns = (
  before: WeightColumns,
  change: { readonly [Class in keyof ClassWeights]?: number | null | undefined },
): WeightColumns => ({
  interactiveWeight: change.interactive ?? before.interactiveWeight,
  bulkWeight: change.bulk ?? before.bulkWeight,
  scavengerWeight: change.scavenger ?? before.scavengerWeight,
});
