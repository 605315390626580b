import type { PrismaClient } from '../generated/prisma/client.js';
import type { Transaction } from './prisma.js';

/** The settings by which the policies of row-level security tell whose rows a transaction sees. */
export interface RowScope {
  readonly organizationId?: string;
  /** Of the credential that is looked up before its organization is known. */
  readonly signInEmail?: string;
  readonly sessionHash?: string;
  readonly apiTokenId?: string;
  readonly oidcIdentity?: string;
  /** Whose memberships, and the organizations of these, are seen. */
  readonly userId?: string;
}

const SETTING_NAMES = {
  organizationId: 'app.organization_id',
  signInEmail: 'app.sign_in_email',
  sessionHash: 'app.session_hash',
  apiTokenId: 'app.api_token_id',
  oidcIdentity: 'app.oidc_identity',
  userId: 'app.user_id',
} as const satisfies Record<keyof RowScope, string>;

/** The database as `longhaul_app` sees it: one organization per transaction, and nothing outside of one. */
export class TenantDatabase {
  constructor(private readonly prisma: PrismaClient) {}

  /** Runs `work` in one transaction that sees the rows of one organization only; all of it happens, or nothing. */
  async transaction<T>(organizationId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.scoped({ organizationId }, work);
  }

  /** As {@link transaction}, for the look-up of a credential. */
  async scoped<T>(scope: RowScope, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.prisma.$transaction(async (tx) => {
      await enterScope(tx, scope);
      return work(tx);
    });
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
  }
}

/** Adds to what the rest of the transaction sees. */
export const enterScope = async (tx: Transaction, scope: RowScope): Promise<void> => {
  for (const key of Object.keys(SETTING_NAMES) as (keyof RowScope)[]) {
    const value = scope[key];
    if (value !== undefined) await tx.$queryRaw`SELECT set_config(${SETTING_NAMES[key]}, ${value}, true)`;
  }
};
