import { createRequire } from 'node:module';

const { default: Sequencer } = createRequire(import.meta.url)('@jest/test-sequencer');

/** Specs that take longest, those that wait between those that compute: one of them begun last would leave the other cores idle. */
const SLOWEST = [
  'command-line',
  'replicas-share-alerts',
  'access-walk',
  'handover',
  'two-replicas',
  'two-agents',
  'supervisor',
  'fleet-simulator',
  'tunnel-that-is-warm',
  'uplink',
  'repair-of-tails',
  'shards',
  'delivery',
  'data-plane-workers',
  'interception',
  'live-feed',
  'oidc-sign-in',
  'credential',
  'enroll',
  'save-policy',
  'start',
];

/** Starts the slowest specs first; Jest orders the others, by how long they took or by their size. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const index = SLOWEST.findIndex((name) => path.endsWith(`/${name}.spec.ts`));
      return index === -1 ? SLOWEST.length : index;
    };
    return super.sort(tests).sort((one, other) => place(one) - place(other));
  }
}
