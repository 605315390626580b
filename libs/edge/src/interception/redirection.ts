import { features } from '@longhaul/native';
import type { DataPlaneState } from '../policy/state.js';
import { checkRuleset, InterceptionError, NftTable } from './nft-table.js';
import { redirectRuleset } from './ruleset.js';

/** A change of the redirection in three steps. */
export interface RedirectionChange {
  /**
   * Puts the new ruleset in force, in one transaction. It comes last of what can fail.
   * @throws InterceptionError, with the old one still in force
   */
  load(): Promise<void>;
  /** Nothing can fail any more. */
  commit(): void;
  /** Instead of load or after its failure. */
  rollback(): Promise<void>;
}

/** Whether connections are intercepted where `state` is in force. */
export function intercepts({ intercept, rules }: DataPlaneState): boolean {
  return intercept && rules.some((rule) => rule.action !== 'pass');
}

/** The redirection of the site's connections to the ports where the data plane takes them. One for each agent. */
export class Redirection {
  private table: NftTable | undefined;
  private lost = false;

  constructor(
    /** Of the nftables table; unique among the agents of a network namespace. */
    private readonly tableName: string,
    private readonly onLost: (reason: string) => void,
  ) {}

  get status(): 'off' | 'on' | 'lost' {
    if (this.lost) return 'lost';
    return this.table === undefined ? 'off' : 'on';
  }

  /**
   * Checks what `state` needs; changes nothing yet.
   *
   * @param portOf where the connections to a peer are taken; of undefined: those that are denied
   * @throws InterceptionError
   */
  async prepare(
    state: DataPlaneState,
    portOf: (peerId: string | undefined) => number,
  ): Promise<RedirectionChange> {
    return intercepts(state) ? this.prepareOn(state, portOf) : this.prepareOff();
  }

  private prepareOff(): RedirectionChange {
    const { table } = this;
    const nothing = (): Promise<void> => Promise.resolve();
    return {
      // Before the ports that it redirects to are closed.
      load: async () => {
        this.table = undefined;
        this.lost = false;
        await table?.close();
      },
      rollback: nothing,
      commit: () => undefined,
    };
  }

  private async prepareOn(
    { rules, management }: DataPlaneState,
    portOf: (peerId: string | undefined) => number,
  ): Promise<RedirectionChange> {
    if (!features.interception) {
      throw new InterceptionError(
        'interception needs the native addon, and this agent runs without it: build it, or use forwards',
      );
    }
    const ruleset = (name: string): string => redirectRuleset(name, rules, portOf, management);
    await checkRuleset(ruleset(`${this.tableName}_check`));
    const table = this.table ?? this.makeTable();
    return {
      load: () => table.load(ruleset(this.tableName)),
      rollback: async () => {
        if (this.table !== table) await table.close();
      },
      commit: () => {
        this.table = table;
        this.lost = false;
      },
    };
  }

  private makeTable(): NftTable {
    const table: NftTable = new NftTable((reason) => {
      if (this.table === table) this.tableLost(reason);
    });
    return table;
  }

  private tableLost(reason: string): void {
    this.table = undefined;
    this.lost = true;
    this.onLost(reason);
  }

  /** Nothing is redirected any more when this is done. */
  async close(): Promise<void> {
    const { table } = this;
    this.table = undefined;
    await table?.close();
  }
}
