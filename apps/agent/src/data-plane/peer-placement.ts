/**
 * Which worker each peer's tunnel is at. A peer stays where it is for as long as the states name it, since no socket crosses
 * a thread; a new one goes where the fewest are.
 */
export class PeerPlacement {
  private shards: ReadonlyMap<string, number> = new Map();

  /** @param count of the workers, at least 1 */
  constructor(private readonly count: number) {}

  /** Where the peers of the state in force are. */
  get inForce(): ReadonlyMap<string, number> {
    return this.shards;
  }

  /** Where each of `peerIds` would be. Nothing changes before {@link adopt}. */
  plan(peerIds: readonly string[]): ReadonlyMap<string, number> {
    const loads = new Array<number>(this.count).fill(0);
    const planned = new Map<string, number>();
    const place = (peerId: string, shard: number): void => {
      planned.set(peerId, shard);
      loads[shard]++;
    };
    for (const peerId of peerIds) {
      const shard = this.shards.get(peerId);
      if (shard !== undefined) place(peerId, shard);
    }
    for (const peerId of peerIds) {
      if (!planned.has(peerId)) place(peerId, loads.indexOf(Math.min(...loads)));
    }
    return planned;
  }

  adopt(planned: ReadonlyMap<string, number>): void {
    this.shards = planned;
  }
}
