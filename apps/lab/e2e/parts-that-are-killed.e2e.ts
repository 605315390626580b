import { z } from 'zod';
import { pageOf } from '../src/fleet/controller-client.js';
import { ACCELERATED_PORT, TwoSiteFleet } from '../src/fleet/two-site-fleet.js';
import { endFleet, eventually, startFleet, transfer } from './fleet.js';

const MIB = 2 ** 20;

let fleet: TwoSiteFleet;
let stateDir: string;

beforeAll(async () => {
  ({ fleet, stateDir } = await startFleet());
});
afterAll(() => endFleet(fleet, stateDir));

const pointSchema = z.object({
  links: pageOf(
    z.object({
      ends: z.array(
        z.object({ latest: z.object({ at: z.coerce.number().or(z.iso.datetime()) }).nullable() }),
      ),
    }),
  ),
});

/** Unix milliseconds of the newest link record that the controller has stored. */
async function newestRecordMs(): Promise<number> {
  const { links } = await fleet.api.query('{ links { nodes { ends { latest { at } } } } }', {}, pointSchema);
  const times = links.nodes.flatMap(({ ends }) =>
    ends.map(({ latest }) => (latest === null ? 0 : +new Date(latest.at))),
  );
  return Math.max(0, ...times);
}

const TRANSFER_SECONDS = 8;

/**
 * A transfer, in whose middle `harm` is done; the connection must live and move bytes to its end. What is started again
 * has the same processors: an interval may be empty by that, two in a row are a standstill.
 */
async function survives(harm: () => Promise<void>): Promise<void> {
  let harmed: Promise<void> = Promise.resolve();
  const { sink } = await transfer(fleet, {
    from: 'a',
    seconds: TRANSFER_SECONDS,
    onStarted: () => {
      harmed = new Promise((resolve) => setTimeout(resolve, 2000)).then(harm);
    },
  });
  await harmed;
  expect(sink).toMatchObject({ intact: true, ended: 'time' });
  // Those at the end in which nothing came are not in the series.
  const intervals = (TRANSFER_SECONDS * 1000) / sink.intervalMs;
  const empty = Array.from({ length: intervals }, (_, index) => (sink.series[index] ?? 0) === 0);
  expect(empty.flatMap((isEmpty, index) => (isEmpty && empty[index + 1] ? [index] : []))).toEqual([]);
}

async function telemetryGoesOn(): Promise<void> {
  const sinceMs = Date.now();
  await eventually(
    () => newestRecordMs().catch(() => 0),
    (newest) => newest > sinceMs,
  );
}

describe('a transfer outlives, and telemetry goes on after,', () => {
  it('a controller killed with -9 and started again', async () => {
    await survives(async () => {
      await fleet.controlPlane.killController();
      await fleet.controlPlane.restartController();
    });
    await telemetryGoesOn();
  });

  it('a nats-server killed with -9 and started again', async () => {
    await survives(async () => {
      await fleet.controlPlane.nats?.kill();
      await fleet.controlPlane.nats?.restart();
    });
    await telemetryGoesOn();
  });

  it('a PostgreSQL killed with -9 and started again', async () => {
    await survives(async () => {
      await fleet.controlPlane.postgres?.kill();
      await fleet.controlPlane.postgres?.restart();
    });
    await telemetryGoesOn();
  });
});

describe('an agent killed with -9', () => {
  it('leaves the traffic of its site a straight way at once', async () => {
    await fleet.killAgent('a');
    const { sink } = await transfer(fleet, { from: 'a', bytes: MIB });
    expect(sink).toMatchObject({ bytes: MIB, intact: true });
  });

  it('carries new connections again once it is started', async () => {
    fleet.startAgent('a');
    await fleet.tunnelsUp();
    const { sink } = await transfer(fleet, { from: 'a', bytes: MIB + 1 });
    expect(sink).toMatchObject({ bytes: MIB + 1, intact: true });
    const schema = z.object({
      flows: z.object({
        edges: z.array(z.object({ node: z.object({ bytesUp: z.number(), handling: z.string() }) })),
      }),
    });
    const document =
      'query ($filter: FlowFilter) { flows(filter: $filter) { edges { node { bytesUp handling } } } }';
    await eventually(
      async () =>
        (await fleet.api.query(document, { filter: { destinationPort: ACCELERATED_PORT } }, schema)).flows
          .edges,
      (edges) => edges.some(({ node }) => node.bytesUp === MIB + 1 && node.handling === 'accelerated'),
    );
  });
});
