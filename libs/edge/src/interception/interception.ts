import { features, type TcpSocket } from '@longhaul/native';
import { Listener } from '../listeners.js';
import type { DataPlaneState } from '../policy/state.js';
import { checkRuleset, InterceptionError, NftTable } from './nft-table.js';
import { redirectRuleset } from './ruleset.js';

/** A change of interception in three steps. */
export interface InterceptionChange {
  /** Puts the new ruleset in force, in one transaction. @throws InterceptionError, with the old one still in force */
  load(): Promise<void>;
  /** Nothing can fail any more: frees what is not needed. */
  commit(): Promise<void>;
  /** Instead of load or after its failure. */
  rollback(): Promise<void>;
}

/** The redirection of the site's connections to this agent, and the listener that takes them. */
export class Interception {
  private listener: Listener<undefined> | undefined;
  private table: NftTable | undefined;
  private lost = false;

  constructor(
    private readonly tableName: string,
    private readonly onConnection: (socket: TcpSocket) => void,
    private readonly onLost: (reason: string) => void,
  ) {}

  get status(): 'off' | 'on' | 'lost' {
    if (this.lost) return 'lost';
    return this.table === undefined ? 'off' : 'on';
  }

  /** Binds and checks what `state` needs; changes nothing yet. */
  async prepare(state: DataPlaneState): Promise<InterceptionChange> {
    const wanted = state.intercept && state.rules.some((rule) => rule.action !== 'pass');
    return wanted ? this.prepareOn(state) : this.prepareOff();
  }

  private prepareOff(): InterceptionChange {
    const { table, listener } = this;
    const nothing = (): Promise<void> => Promise.resolve();
    return {
      load: nothing,
      rollback: nothing,
      commit: async () => {
        this.table = undefined;
        this.listener = undefined;
        this.lost = false;
        await table?.close();
        listener?.close();
      },
    };
  }

  private async prepareOn(state: DataPlaneState): Promise<InterceptionChange> {
    if (!features.interception) {
      throw new InterceptionError(
        'interception needs the native addon, and this agent runs without it: build it, or use forwards',
      );
    }
    const isNew = this.listener === undefined;
    const listener =
      this.listener ??
      new Listener({ address: '::', port: 0 }, undefined, (socket) => {
        this.onConnection(socket);
      });
    const table = this.table ?? this.makeTable();
    const discard = async (): Promise<void> => {
      if (this.table !== table) await table.close();
      if (isNew) listener.close();
    };
    const ruleset = (name: string): string =>
      redirectRuleset(name, state.rules, listener.port, state.management);
    try {
      await checkRuleset(ruleset(`${this.tableName}_check`));
    } catch (error) {
      await discard();
      throw error;
    }
    return {
      load: () => table.load(ruleset(this.tableName)),
      rollback: discard,
      commit: () => {
        this.table = table;
        this.listener = listener;
        this.lost = false;
        return Promise.resolve();
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
    await this.table?.close();
    this.listener?.close();
    this.table = undefined;
    this.listener = undefined;
  }
}
