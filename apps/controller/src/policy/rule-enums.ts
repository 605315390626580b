import { registerEnumType } from '@nestjs/graphql';

/** GraphQL's names and the contract's. */
export const RuleAction = { ACCELERATE: 'accelerate', PASS: 'pass', DENY: 'deny' } as const;
export type RuleAction = (typeof RuleAction)[keyof typeof RuleAction];
registerEnumType(RuleAction, {
  name: 'RuleAction',
  description: 'What becomes of a connection.',
  valuesMap: {
    ACCELERATE: {
      description: "Goes through a tunnel to the destination site's agent, which opens it there.",
    },
    PASS: { description: 'Goes straight, untouched.' },
    DENY: { description: 'Is refused.' },
  },
});

export const Compression = { AUTO: 'auto', OFF: 'off', STRONGEST: 'strongest' } as const;
export type Compression = (typeof Compression)[keyof typeof Compression];
registerEnumType(Compression, {
  name: 'Compression',
  description: 'Of the data on its way.',
  valuesMap: {
    AUTO: { description: 'Where it pays, as strong as pays.' },
    OFF: { description: 'Never.' },
    STRONGEST: { description: 'The smallest output that the CPU allows.' },
  },
});

export const TrafficClass = { INTERACTIVE: 'interactive', BULK: 'bulk', SCAVENGER: 'scavenger' } as const;
export type TrafficClass = (typeof TrafficClass)[keyof typeof TrafficClass];
registerEnumType(TrafficClass, {
  name: 'TrafficClass',
  description: 'How connections compete inside a tunnel.',
  valuesMap: {
    INTERACTIVE: { description: 'Before all others.' },
    BULK: { description: 'The rest of the tunnel, by weight.' },
    SCAVENGER: { description: 'What others leave.' },
  },
});

export const WhenPeerDown = { PASS: 'pass', REFUSE: 'refuse' } as const;
export type WhenPeerDown = (typeof WhenPeerDown)[keyof typeof WhenPeerDown];
registerEnumType(WhenPeerDown, {
  name: 'WhenPeerDown',
  description: 'What becomes of new connections while the far agent cannot be reached.',
  valuesMap: {
    PASS: { description: 'They go straight to their destination.' },
    REFUSE: { description: 'They are refused.' },
  },
});
