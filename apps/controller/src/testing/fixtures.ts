import type pg from 'pg';
import { createConnectionPool } from '../database/connection-pool.js';
import { createEnrollmentToken } from '../enrollment/enrollment-token.js';

/** Writes rows as the superuser, past row-level security. */
export class Fixtures {
  private readonly pool: pg.Pool;

  constructor(superuserUrl: string) {
    this.pool = createConnectionPool({ connectionString: superuserUrl, max: 2 });
  }

  async query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.pool.query<T>(text, values)).rows;
  }

  async organization(name = 'Acme'): Promise<string> {
    return this.id('INSERT INTO organizations (name) VALUES ($1) RETURNING id', [name]);
  }

  async site(organizationId: string, name: string): Promise<string> {
    return this.id('INSERT INTO sites (organization_id, name) VALUES ($1, $2) RETURNING id', [
      organizationId,
      name,
    ]);
  }

  /** An approved agent with the given nkey. */
  async agent(organizationId: string, siteId: string, natsPublicKey: string): Promise<string> {
    return this.id(
      `INSERT INTO agents (organization_id, site_id, hostname, state, version, nats_public_key, tunnel_public_key, tunnel_port)
       VALUES ($1, $2, 'host', 'APPROVED', '1', $3, 'key of ' || $3, 4810) RETURNING id`,
      [organizationId, siteId, natsPublicKey],
    );
  }

  /** What a policy's transaction leaves: a desired state of the given generation, and a note in the outbox. */
  async desiredState(
    organizationId: string,
    agentId: string,
    generation: number,
    epoch = 1,
    more: object = {},
  ): Promise<void> {
    const document = { version: 1, organizationId, agentId, epoch, generation, ...more };
    await this.query(
      `WITH state AS (
         INSERT INTO agent_desired_states (organization_id, agent_id, epoch, generation, document, content_sha256)
         VALUES ($1, $2, $3, $4, $5, 'x')
         ON CONFLICT (organization_id, agent_id)
         DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, document = excluded.document)
       INSERT INTO outbox (organization_id, topic, subject_id) VALUES ($1, 'desired-state', $2)`,
      [organizationId, agentId, epoch, generation, JSON.stringify(document)],
    );
  }

  /** A good token unless told otherwise; the whole token is returned. */
  async token(
    organizationId: string,
    siteId: string,
    given: { maxUses?: number; expiresAt?: Date; revoked?: boolean; needsApproval?: boolean } = {},
  ): Promise<string> {
    const { token, publicId, secretSha256 } = createEnrollmentToken();
    await this.query(
      `INSERT INTO enrollment_tokens
         (organization_id, site_id, public_id, secret_sha256, name, labels, max_uses, expires_at, revoked_at, needs_approval)
       VALUES ($1, $2, $3, $4, 'test', '{edge}', $5, $6, $7, $8)`,
      [
        organizationId,
        siteId,
        publicId,
        secretSha256,
        given.maxUses ?? 1,
        given.expiresAt ?? new Date(Date.now() + 3_600_000),
        given.revoked === true ? new Date() : null,
        given.needsApproval ?? false,
      ],
    );
    return token;
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  private async id(text: string, values: unknown[]): Promise<string> {
    const [row] = await this.query<{ id: string }>(text, values);
    if (row === undefined) throw new Error('nothing was inserted');
    return row.id;
  }
}
