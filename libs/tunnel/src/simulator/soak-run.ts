import type { LinkOptions } from './link.js';
import { RandomRun } from './random-run.js';
import { SeededRandom } from './random.js';

const MILLISECOND_US = 1000;
const SECOND_US = 1_000_000;
const DAY_MS = 86_400_000;
/** A path that lets hardly anything through is left alone after so many steps. */
const MAX_STEPS = 3000;
/** Transfers under way each way. */
const TRANSFERS = 3;

interface Route {
  readonly rate_mbps: number;
  readonly rtt_ms: number;
}

const ROUTES: readonly Route[] = [
  { rate_mbps: 1000, rtt_ms: 2 },
  { rate_mbps: 1000, rtt_ms: 12 },
  { rate_mbps: 300, rtt_ms: 40 },
  { rate_mbps: 100, rtt_ms: 25 },
  { rate_mbps: 100, rtt_ms: 120 },
];

function choose<T>(random: SeededRandom, choices: readonly T[]): T {
  return choices[random.between(0, choices.length - 1)];
}

/**
 * A {@link RandomRun} that keeps the link busy both ways while it is disturbed, for runs of millions of packets: loss to 20 %,
 * reordering of hundreds of packets, duplication, bit flips, black holes, other routes, restarts, clocks that jump.
 */
export class SoakRun extends RandomRun {
  private route: Route;

  constructor(seed: number) {
    const random = new SeededRandom(seed ^ 0x5eed);
    const route = choose(random, ROUTES);
    super(seed, {
      link: { ...route, loss_pct: 0, jitter_ms: 0 },
      crypto: 'checksum',
      traced: false,
      turnUs: 200,
      memoryBytes: choose(random, [16, 32, 64]) * 2 ** 20,
      peer: { profile: choose(random, ['fair', 'lossy', 'lossy', 'fixed'] as const), rateMbps: 400 },
      rekeyAfterPackets: choose(random, [1000, 10_000, 1_000_000]),
    });
    this.route = route;
  }

  get packets(): number {
    return this.packetsSent;
  }

  /** Goes on until `packets` have been sent, then lets everything come to its end. */
  soak(packets: number): this {
    this.pair.connect();
    for (let step = 0; step < MAX_STEPS && this.packets < packets; step++) {
      this.keepBusy();
      this.act();
      this.advance(this.random.between(1, 150) * MILLISECOND_US);
    }
    this.heal();
    this.finish();
    return this;
  }

  private keepBusy(): void {
    const { near, far, a, b } = this.pair;
    for (const [application, from, to] of [
      [near, a, b],
      [far, b, a],
    ] as const) {
      if (!from.endpoint.isUp(to.name)) continue;
      const open = application.conversations.filter(({ closed }) => !closed).length;
      if (open >= TRANSFERS) continue;
      const up = this.random.between(1, 20_000_000);
      this.begin(() => application.converse(to, { up, down: this.random.between(0, 200_000) }));
    }
  }

  protected override act(): void {
    const dice = this.random.unit();
    if (dice < 0.3) this.converse();
    else if (dice < 0.4) this.interfere();
    else if (dice < 0.7) this.disturb();
    else if (dice < 0.8) this.heal();
    else if (dice < 0.86) this.reroute();
    else if (dice < 0.9) this.jumpClock();
    else if (dice < 0.93) this.move();
    else if (dice < 0.94) this.restart();
  }

  protected override disturb(): void {
    const { simulation } = this.pair;
    const rarely = (most: number): number => (this.chance(0.6) ? 0 : this.random.unit() ** 2 * most);
    for (const link of [simulation.link('a', 'b'), simulation.link('b', 'a')]) {
      link.out = this.chance(0.03);
      link.options = {
        ...link.options,
        loss: rarely(0.2),
        duplication: rarely(0.1),
        corruption: rarely(0.05),
        // 5 ms at 1 Gbit/s displaces some 400 packets.
        jitterUs: rarely(5 * MILLISECOND_US),
        jitterModel: this.pick(['wander', 'independent'] as const),
        maxUdpPayload: this.pick([1200, 1300, 1472, 1472, 1472]),
      };
    }
  }

  /** The packets take another way from now on; those that are under way arrive in whatever order. */
  private reroute(): void {
    this.route = choose(this.random, ROUTES);
    const change: Partial<LinkOptions> = {
      rateMbps: this.route.rate_mbps,
      delayUs: (this.route.rtt_ms * MILLISECOND_US) / 2,
      maxUdpPayload: this.pick([1200, 1400, 1472]),
    };
    this.pair.simulation.changeLink('a', 'b', change);
  }

  /** A calendar is set to another day, or a machine stood still. */
  private jumpClock(): void {
    const host = this.pick([this.pair.a, this.pair.b]);
    if (this.chance(0.5)) host.calendarErrorMs = (this.random.unit() - 0.5) * DAY_MS;
    else host.suspend(this.random.unit() ** 3 * 3 * SECOND_US);
  }
}
