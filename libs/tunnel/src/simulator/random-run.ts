import { CHUNK_BYTES, KEEPALIVE_US } from '../params.js';
import { packAddress } from '../io.js';
import type { Application, Conversation } from './application.js';
import { holdingsOf } from './holdings.js';
import type { SimulatedHost } from './host.js';
import type { LinkOptions } from './link.js';
import { Pair, type PairOptions } from './pair.js';
import { SeededRandom } from './random.js';

const MILLISECOND_US = 1000;
const SECOND_US = 1_000_000;
/** Two probes of the loss detector, one of the MTU, a few packets of control, and the one with which the window was full. */
const REGARDLESS_OF_WINDOW_PACKETS = 8;
const MAX_PACKET_BYTES = 1472;
/** Turns in which an idle or a working pair may poll, per virtual second and per packet that passes. */
const POLLS_PER_SECOND = 1000;
const POLLS_PER_PACKET = 8;

const HEALTHY: Partial<LinkOptions> = {
  loss: 0,
  duplication: 0,
  corruption: 0,
  jitterUs: 0,
  maxUdpPayload: 1472,
};

/** Why a tunnel between two peers that keep to the protocol may be reported down. */
const HONEST_REASONS = /^the peer (does not answer|has been silent for too long)$/;

/**
 * A pair of sites, and whatever a seed does to them: streams of all sizes, ends of all kinds, faults of the link, restarts,
 * moves. Bytes are compared as they arrive; {@link problems} says what else must not be.
 */
export class RandomRun {
  readonly pair: Pair;
  readonly problems: string[] = [];
  protected readonly random: SeededRandom;
  private restarts = 0;
  private packetsOfTheDead = 0;
  private pollsBefore = 0;
  private packetsBefore = 0;

  constructor(
    readonly seed: number,
    change: Partial<PairOptions> = {},
  ) {
    this.random = new SeededRandom(seed);
    this.pair = new Pair({
      seed,
      link: {
        rate_mbps: this.pick([2, 20, 200]),
        rtt_ms: this.pick([1, 20, 100]),
        loss_pct: 0,
        jitter_ms: 0,
      },
      bothOpen: this.chance(0.5),
      memoryBytes: this.pick([5, 10, 40]) * 2 ** 20,
      peer: { profile: this.pick(['fair', 'lossy', 'fixed'] as const), rateMbps: 20 },
      rekeyAfterPackets: this.pick([100, 1000, 1_000_000]),
      ...change,
    });
    this.watchSending(this.pair.a);
    this.watchSending(this.pair.b);
  }

  protected pick<T>(choices: readonly T[]): T {
    return choices[this.random.between(0, choices.length - 1)];
  }

  protected chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  /** Does `steps` random things, then lets the link heal and everything come to its end. */
  play(steps: number): this {
    this.pair.connect();
    for (let i = 0; i < steps; i++) {
      this.act();
      this.advance(this.random.between(1, 300) * MILLISECOND_US);
    }
    this.heal();
    this.finish();
    return this;
  }

  protected act(): void {
    const dice = this.random.unit();
    if (dice < 0.4) this.converse();
    else if (dice < 0.6) this.interfere();
    else if (dice < 0.9) this.disturb();
    else if (dice < 0.96) this.move();
    else if (this.restarts < 2) this.restart();
  }

  protected converse(): void {
    const { near, far, a, b } = this.pair;
    const [application, peer] = this.chance(0.5) ? [near, b] : [far, a];
    if (!(peer === b ? a : b).endpoint.isUp(peer.name)) return;
    const size = (): number => Math.floor(this.pick([0, 1, 1000, 50_000, 500_000]) * this.random.unit());
    this.begin(() => {
      application.converse(peer, {
        up: size(),
        down: size(),
        class: this.pick(['interactive', 'bulk', 'scavenger'] as const),
        weight: this.random.between(1, 100),
      });
    });
  }

  /** There may be no memory for one more. */
  protected begin(converse: () => void): void {
    try {
      converse();
    } catch (error) {
      if (!String(error).includes('memory budget')) throw error;
    }
  }

  /** One side of some stream loses patience. */
  protected interfere(): void {
    const open = this.conversations().filter(({ closed }) => !closed);
    if (open.length === 0) return;
    const conversation = this.pick(open);
    const dice = this.random.unit();
    if (dice < 0.2) conversation.stream.reset(16);
    else if (dice < 0.4) conversation.stream.stopSending(17);
    else if (dice < 0.7) conversation.stalled = true;
    else conversation.resume();
  }

  protected conversations(): Conversation[] {
    return [...this.pair.near.conversations, ...this.pair.far.conversations];
  }

  protected disturb(): void {
    const { simulation } = this.pair;
    const rarely = (most: number): number => (this.chance(0.5) ? 0 : this.random.unit() * most);
    for (const link of [simulation.link('a', 'b'), simulation.link('b', 'a')]) {
      link.out = this.chance(0.1);
      link.options = {
        ...link.options,
        loss: rarely(0.3),
        duplication: rarely(0.1),
        corruption: rarely(0.1),
        jitterUs: rarely(20 * MILLISECOND_US),
        jitterModel: this.pick(['wander', 'independent'] as const),
        maxUdpPayload: this.pick([1200, 1300, 1472, 1472]),
      };
    }
  }

  protected move(): void {
    const { a } = this.pair;
    a.address = packAddress(
      this.pick(['192.0.2.1', '198.51.100.7', '2001:db8::7']),
      this.random.between(1024, 65_535),
    );
  }

  protected restart(): void {
    this.restarts++;
    this.packetsOfTheDead += this.pair.b.packetsSent;
    this.pair.restartB();
    this.watchSending(this.pair.b);
    this.pollsBefore = 0;
  }

  protected heal(): void {
    const { simulation } = this.pair;
    simulation.setOutage('a', 'b', false);
    simulation.changeLink('a', 'b', HEALTHY);
  }

  protected finish(): void {
    const { near, far, simulation } = this.pair;
    for (let i = 0; i < 200 && !this.over(near, far); i++) {
      for (const conversation of this.conversations()) if (!conversation.closed) this.conclude(conversation);
      this.advance(SECOND_US);
    }
    // What was lost last is asked for again after a second; a site that moved last is found at its next keepalive.
    simulation.runFor(KEEPALIVE_US + 2 * SECOND_US);
    for (const conversation of this.conversations()) this.judge(conversation);
    this.problems.push(...holdingsOf(this.pair.a, this.pair.b));
    const { a, b } = this.pair;
    if (!a.endpoint.isUp('b') || !b.endpoint.isUp('a')) this.problems.push('the tunnel is down');
    for (const reason of [...near.downs, ...far.downs])
      if (!HONEST_REASONS.test(reason)) this.problems.push(`the tunnel ended: ${reason}`);
  }

  private over(near: Application, far: Application): boolean {
    return [...near.conversations, ...far.conversations].every(({ closed }) => closed);
  }

  /** Whoever was stalled reads on; whoever was reset gives up its own direction too. */
  private conclude(conversation: Conversation): void {
    conversation.resume();
    if (conversation.resetCode !== undefined) conversation.stream.reset(18);
    if (conversation.stopCode !== undefined) conversation.stream.stopSending(19);
  }

  private judge(conversation: Conversation): void {
    const name = `stream ${conversation.stream.id}`;
    if (!conversation.closed) this.problems.push(`${name} never closed`);
    const cut = conversation.resetCode ?? conversation.stopCode ?? conversation.stream.stopCode;
    const ownReset = conversation.stream.resetCode;
    if (cut === undefined && ownReset === undefined && !conversation.complete)
      this.problems.push(`${name} closed after ${conversation.read} of ${conversation.readTotal} bytes`);
  }

  /** Lets time pass, and looks at what must hold at any time. */
  protected advance(durationUs: number): void {
    const { simulation, a, b } = this.pair;
    simulation.runFor(durationUs);
    for (const host of [a, b]) this.watch(host);
    const polls = a.polls + b.polls;
    const packets = this.packetsPassed();
    const allowed =
      (POLLS_PER_SECOND * durationUs) / SECOND_US + 50 + POLLS_PER_PACKET * (packets - this.packetsBefore);
    if (this.pollsBefore > 0 && polls - this.pollsBefore > allowed)
      this.problems.push(
        `${polls - this.pollsBefore} polls in ${durationUs} us, for ${packets - this.packetsBefore} packets`,
      );
    this.pollsBefore = polls;
    this.packetsBefore = packets;
  }

  /** By both sides, killed ones included. */
  protected get packetsSent(): number {
    return this.packetsOfTheDead + this.pair.a.packetsSent + this.pair.b.packetsSent;
  }

  private packetsPassed(): number {
    const { simulation, a, b } = this.pair;
    const delivered = simulation.link('a', 'b').delivered + simulation.link('b', 'a').delivered;
    return delivered + a.packetsSent + b.packetsSent;
  }

  private watch(host: SimulatedHost): void {
    const peer = host.name === 'a' ? 'b' : 'a';
    const inFlight = host.endpoint.stats(peer)?.bytesInFlight ?? 0;
    if (inFlight < 0) this.problems.push(`${host.name}: ${inFlight} bytes in flight`);
    const { budget, receivePool } = host.endpoint.shared;
    const held = (receivePool.capacity - receivePool.available) * CHUNK_BYTES;
    if (budget.free < 0 || held > budget.limit - budget.free)
      this.problems.push(`${host.name}: ${held} bytes held, ${budget.limit - budget.free} granted`);
  }

  /** No poll brings more in flight than the window allows, but for what may leave regardless of it. */
  private watchSending(host: SimulatedHost): void {
    const peer = host.name === 'a' ? 'b' : 'a';
    let allowed = 0;
    host.watcher = {
      beforePoll: () => {
        const loss = host.endpoint.transportTo(peer)?.loss;
        allowed = loss === undefined ? 0 : Math.max(loss.inFlight, loss.congestion.congestionWindow);
      },
      afterPoll: () => {
        const loss = host.endpoint.transportTo(peer)?.loss;
        if (loss === undefined) return;
        const excess = loss.inFlight - Math.max(allowed, loss.congestion.congestionWindow);
        if (excess > REGARDLESS_OF_WINDOW_PACKETS * MAX_PACKET_BYTES)
          this.problems.push(`${host.name}: ${excess} bytes in flight beyond the window`);
      },
    };
  }
}
