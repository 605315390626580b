import { randomUUID } from 'node:crypto';
import {
  DEFAULT_CLASS_WEIGHTS,
  desiredStateSchema,
  flowRuleSchema,
  forwardSchema,
  helloMessageSchema,
  peerSchema,
  type DesiredState,
} from '@longhaul/contracts';
import { z } from 'zod';
import { generateKeyPair } from '../keys.js';
import { readDesiredState } from './desired-state.js';
import { someState } from './testing/states.js';
import { toWantedState } from './wanted-state.js';

/** What the release before did not know. */
const NEW_OF_PEER = { classWeights: true, nextPublicKey: true } as const;
const NEW_OF_RULE = { rateLimitMbps: true } as const;

/** The contract of the release before, which agents and controllers that are not upgraded yet read by. */
const schemaBefore = desiredStateSchema.omit({ agentRelease: true }).extend({
  peers: z.array(peerSchema.omit(NEW_OF_PEER)),
  rules: z.array(flowRuleSchema.omit(NEW_OF_RULE)),
  forwards: z.array(forwardSchema.omit(NEW_OF_RULE)),
});

const addressee = { organizationId: randomUUID(), agentId: randomUUID() };
/** As the controller of the release before writes it. */
const before = someState(addressee, 1);
/** As this one does, with everything that is new. */
const now: DesiredState = {
  ...before,
  peers: before.peers.map((peer) => ({
    ...peer,
    classWeights: { interactive: 2, bulk: 3, scavenger: 4 },
    nextPublicKey: generateKeyPair().publicKey,
  })),
  rules: before.rules.map((rule) => ({ ...rule, rateLimitMbps: 10 })),
  forwards: before.forwards.map((forward) => ({ ...forward, rateLimitMbps: 20 })),
  agentRelease: {
    version: '1.2.3',
    sha256: 'ab'.repeat(32),
    bytes: 1,
    attempt: 0,
    confirmSeconds: 60,
    soakSeconds: 30,
    drainSeconds: 300,
  },
};

const stateOf = (document: object): DesiredState => {
  const { content } = readDesiredState(Buffer.from(JSON.stringify(document)), addressee);
  if ('refusal' in content) throw new Error(content.refusal);
  return content.state;
};
const wantedOf = (document: object) =>
  toWantedState(stateOf(document), {
    tunnelPrivateKey: generateKeyPair().privateKey,
    tunnelPort: 4810,
    management: [],
  });

describe('a desired state', () => {
  it('of this controller is to an agent of the release before what that knows of it', () => {
    expect(schemaBefore.parse(now)).toEqual(schemaBefore.parse(before));
    expect(schemaBefore.parse(now)).not.toEqual(now);
  });

  it('of the controller before means to this agent what it meant to the one before', () => {
    const { peers, rules, forwards } = wantedOf(before);
    expect(peers[0]).toMatchObject({ classWeights: DEFAULT_CLASS_WEIGHTS, nextPublicKey: undefined });
    expect(rules[0]).toMatchObject({ treatment: { rateLimitMbps: undefined } });
    expect(forwards[0].treatment.rateLimitMbps).toBeUndefined();
    expect(stateOf(before).agentRelease).toBeUndefined();
  });

  it('of this controller reaches the data plane with everything that is new', () => {
    const { peers, rules, forwards } = wantedOf(now);
    const [{ classWeights, nextPublicKey = '' }] = now.peers;
    expect(peers[0]).toMatchObject({ classWeights, nextPublicKey: Buffer.from(nextPublicKey, 'base64') });
    expect(rules[0]).toMatchObject({ treatment: { rateLimitMbps: 10, limitGroup: 'r1' } });
    expect(forwards[0].treatment.rateLimitMbps).toBe(20);
  });

  it('of the controller after, with fields that nobody knows here, is taken without them', () => {
    const unknown = <T extends object>(item: T) => ({ ...item, invented: { by: 'the next release' } });
    const { peers, rules, forwards, allow } = now;
    const next = unknown({
      ...now,
      ...{ peers: peers.map(unknown), rules: rules.map(unknown) },
      ...{ forwards: forwards.map(unknown), allow: allow.map(unknown) },
    });
    expect(stateOf(next)).toEqual(now);
  });
});

describe('a hello', () => {
  const hello = {
    version: 1,
    agentVersion: '0.1.0',
    bootId: randomUUID(),
    hostname: 'edge',
    appliedEpoch: 1,
    appliedGeneration: 2,
  };
  const upgrade = { state: 'refused', version: '1.2.3', attempt: 1, reason: 'it ended with code 1' };

  it('of the agent before is that of one whom nobody upgrades', () => {
    expect(helloMessageSchema.parse(hello)).toEqual(hello);
  });

  it('of this agent is to the controller of the release before what that knows of it', () => {
    const helloBefore = helloMessageSchema.omit({ upgrade: true });
    expect(helloBefore.parse({ ...hello, upgrade })).toEqual(hello);
    expect(helloMessageSchema.parse({ ...hello, upgrade })).toEqual({ ...hello, upgrade });
  });
});
