import type { FlowRecord } from '@longhaul/contracts';
import { randomUUID } from 'node:crypto';
import { SeededRandom } from '../../workloads/seeded-random.js';
import { lanPrefixOf } from './fleet-shape.js';

/** Seconds that a connection lives, at least and at most; each second gives a record. */
const LIFE_SECONDS = { least: 5, most: 40 };
/** One connection in so many is not accelerated. */
const PASSED_ONE_IN = 10;
/** Live migration, SMB, HTTPS. */
const PORTS = [6600, 445, 443] as const;
/** A busy connection's bytes in a second, at most. */
const MOST_BYTES = 8_000_000;

/** Sums of what was recorded; each counts every record once. */
export interface LoadTotals {
  readonly records: number;
  /** Application bytes of both directions. */
  readonly bytes: number;
}

export interface FlowLoadOptions {
  readonly seed: number;
  /** Connections that live at once: as many records a second. */
  readonly connections: number;
  /** Numbers of the two sites: {@link lanPrefixOf}. */
  readonly site: number;
  readonly peerSite: number;
  readonly peerAgentId: string;
}

interface Connection {
  readonly flowId: string;
  readonly startedAtMs: number;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly handling: 'accelerated' | 'passed';
  secondsLeft: number;
}

/**
 * The connections that begin at one agent, as its recorder would tell of them: one record a second of each, the last one says
 * that it ended, and another takes its place.
 */
export class FlowLoad {
  private readonly random: SeededRandom;
  private readonly living: Connection[] = [];
  private records = 0;
  private bytes = 0;

  constructor(private readonly options: FlowLoadOptions) {
    this.random = new SeededRandom(options.seed);
  }

  get totals(): LoadTotals {
    return { records: this.records, bytes: this.bytes };
  }

  /** What is to be said of the second that ends at `atMs` (Unix milliseconds). */
  second(atMs: number): FlowRecord[] {
    while (this.living.length < this.options.connections) this.living.push(this.open(atMs - 1000));
    const records = this.living.map((connection) => this.record(connection, atMs));
    for (let i = this.living.length - 1; i >= 0; i -= 1) {
      if (this.living[i]?.secondsLeft === 0) this.living.splice(i, 1);
    }
    return records;
  }

  private open(startedAtMs: number): Connection {
    const { random } = this;
    const { site, peerSite } = this.options;
    return {
      flowId: randomUUID(),
      startedAtMs,
      source: hostIn(site, random),
      destination: hostIn(peerSite, random),
      destinationPort: PORTS[random.below(PORTS.length)] ?? PORTS[0],
      handling: random.below(PASSED_ONE_IN) === 0 ? 'passed' : 'accelerated',
      secondsLeft: LIFE_SECONDS.least + random.below(LIFE_SECONDS.most - LIFE_SECONDS.least + 1),
    };
  }

  private record(connection: Connection, atMs: number): FlowRecord {
    connection.secondsLeft -= 1;
    const { flowId, startedAtMs, source, destination, destinationPort, handling } = connection;
    const accelerated = handling === 'accelerated';
    const bytesUp = 1 + this.random.below(MOST_BYTES);
    const bytesDown = Math.ceil(bytesUp / 50);
    this.records += 1;
    this.bytes += bytesUp + bytesDown;
    return {
      flowId,
      startedAtMs,
      source,
      destination,
      destinationPort,
      handling,
      peerAgentId: accelerated ? this.options.peerAgentId : null,
      atMs,
      ruleId: accelerated ? 'fleet' : null,
      ended: connection.secondsLeft === 0 ? 'closed' : null,
      reason: null,
      bytesUp,
      bytesDown,
      encodedBytesUp: accelerated ? Math.ceil(bytesUp / 3) : bytesUp,
      encodedBytesDown: bytesDown,
      activeMs: 1000,
    };
  }
}

const hostIn = (site: number, random: SeededRandom): string =>
  lanPrefixOf(site).replace(/0\/24$/, String(1 + random.below(254)));
