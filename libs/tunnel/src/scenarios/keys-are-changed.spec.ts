import { Application } from '../simulator/application.js';
import { Pair } from '../simulator/pair.js';
import { linkOptions } from '../simulator/simulation.js';
import type { PeerOptions } from '../tunnel/tunnel.js';
import { linkNamed } from './links.js';

const SECOND_US = 1_000_000;
/** What a peer that has not heard of the new key bears of a tunnel of the old one. */
const MOST_OLD_KEY_US = 130 * SECOND_US;

/** Two sites, one of which changes its key while streams go both ways. */
class Change {
  readonly pair = new Pair({ link: linkNamed('mpls'), seed: 50, bothOpen: true }).connect();
  readonly oldKey = this.pair.a.privateKey;
  readonly oldPublicKey = this.pair.a.endpoint.publicKey;
  private readonly begun: { readonly complete: boolean }[] = [];
  readonly newKey = new Uint8Array(32).fill(77);

  constructor() {
    this.converse();
    this.pair.near.converse(this.pair.b, { up: 1000, down: 1000, endless: true });
  }

  private converse(): void {
    const { pair } = this;
    this.begun.push(pair.near.converse(pair.b, { up: 300_000, down: 300_000 }));
    this.begun.push(pair.far.converse(pair.a, { up: 300_000, down: 300_000 }));
  }

  get newPublicKey(): Uint8Array {
    return this.pair.a.endpoint.environment.noise.publicKey(this.newKey);
  }

  /** What b is told of a. */
  tell(options: Partial<PeerOptions>): void {
    this.pair.simulation.peer(this.pair.b, this.pair.a, { publicKey: this.oldPublicKey, ...options });
  }

  take(keepOld = true): void {
    this.pair.a.endpoint.setPrivateKeys(this.newKey, keepOld ? this.oldKey : undefined);
  }

  run(seconds: number): void {
    this.pair.simulation.runFor(seconds * SECOND_US);
    this.converse();
    this.pair.simulation.runFor(5 * SECOND_US);
  }

  expectUnbroken(): void {
    const { near, far } = this.pair;
    expect([near.downs, far.downs]).toEqual([[], []]);
    for (const conversation of [...near.conversations, ...far.conversations])
      expect(conversation.resetCode).toBeUndefined();
    for (const { complete } of this.begun) expect(complete).toBe(true);
  }

  /** Whether somebody with the old key alone gets a session with b. */
  oldKeyIsGood(): boolean {
    const { simulation, b } = this.pair;
    const thief = simulation.restartHost('thief', '192.0.2.9', this.oldKey, new Application().events);
    simulation.connect(thief, b, linkOptions(linkNamed('mpls')));
    simulation.peer(thief, b);
    return simulation.runUntil(() => thief.endpoint.isUp('b'), simulation.time.nowUs + 20 * SECOND_US);
  }
}

describe('a key that changes', () => {
  let change: Change;
  beforeEach(() => {
    change = new Change();
  });

  it('and was announced is in use within seconds, breaks nothing, and makes the old one useless', () => {
    change.tell({ nextPublicKey: change.newPublicKey });
    change.run(1);
    change.take();
    change.run(1);
    change.expectUnbroken();
    // The policy goes on to name both, as it may for hours: the new one was used.
    change.tell({ nextPublicKey: change.newPublicKey, maxUdpPayload: 1400 });
    expect(change.oldKeyIsGood()).toBe(false);
    change.run(130);
    change.expectUnbroken();
  });

  it('and was announced leaves the old one good until it is used', () => {
    change.tell({ nextPublicKey: change.newPublicKey });
    change.run(1);
    expect(change.oldKeyIsGood()).toBe(true);
  });

  it.each([0, 1, 300])('and of which the peer hears %d s later breaks nothing', (seconds) => {
    change.take();
    change.run(seconds);
    change.tell({ publicKey: change.newPublicKey });
    change.run(130);
    change.expectUnbroken();
    expect(change.oldKeyIsGood()).toBe(false);
  });

  it('and of which the peer hears before it is in use breaks nothing within two minutes', () => {
    change.tell({ publicKey: change.newPublicKey });
    change.run(100);
    change.take();
    change.run(130);
    change.expectUnbroken();
  });

  it('and never comes into use takes the tunnel of the old one down', () => {
    change.tell({ publicKey: change.newPublicKey });
    change.pair.simulation.runFor(MOST_OLD_KEY_US);
    expect(change.pair.far.downs).toHaveLength(1);
    expect(change.pair.b.endpoint.isUp('a')).toBe(false);
  });

  it('at both sides at the same time breaks nothing', () => {
    const { pair } = change;
    const farKey = new Uint8Array(32).fill(99);
    const farPublic = pair.a.endpoint.environment.noise.publicKey(farKey);
    const [oldFarKey, oldFarPublic] = [pair.b.privateKey, pair.b.endpoint.publicKey];
    const tellNear = (options: Partial<PeerOptions>): void => {
      pair.simulation.peer(pair.a, pair.b, { publicKey: oldFarPublic, ...options });
    };
    change.tell({ nextPublicKey: change.newPublicKey });
    change.take();
    pair.b.endpoint.setPrivateKeys(farKey, oldFarKey);
    change.run(1);
    tellNear({ nextPublicKey: farPublic });
    change.run(1);
    change.tell({ publicKey: change.newPublicKey });
    tellNear({ publicKey: farPublic });
    pair.a.endpoint.setPrivateKeys(change.newKey);
    pair.b.endpoint.setPrivateKeys(farKey);
    change.run(130);
    change.expectUnbroken();
  });

  it('to what is no key changes nothing', () => {
    const { endpoint } = change.pair.a;
    expect(() => {
      endpoint.setPrivateKeys(new Uint8Array(31));
    }).toThrow('the private key must be 32 bytes');
    change.run(1);
    change.expectUnbroken();
  });
});
