import { AgentCredentials, openNatsOperator } from '@longhaul/controller/credentials';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import type { AgentCredentialMessage, AgentKeys, AgentSeat } from './agent-messages.js';
import { hubOf, lanPrefixOf } from './fleet-shape.js';

/** Places for so many agents, each at a site of its own. */
export function makeSeats(agents: number): AgentSeat[] {
  return Array.from({ length: agents }, (_, number) => ({
    number,
    agentId: randomUUID(),
    siteId: randomUUID(),
  }));
}

/**
 * Makes sites and agents of the only organization, as approved ones, by SQL: over the API each of them would have the whole
 * fleet compiled again. What follows from them the controller makes at the next policy.
 *
 * @param keys in the order of the seats
 */
export async function insertFleet(
  client: pg.Client,
  seats: readonly AgentSeat[],
  keys: readonly AgentKeys[],
): Promise<void> {
  const of = <T>(get: (seat: AgentSeat) => T): T[] => seats.map(get);
  await client.query(
    `INSERT INTO sites (organization_id, id, name, lan_prefixes, hub_site_ids)
     SELECT (SELECT id FROM organizations), id, name, ARRAY[prefix], array_remove(ARRAY[hub], NULL)
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS given(id, name, prefix, hub)`,
    [
      of(({ siteId }) => siteId),
      of(({ number }) => `site ${String(number)}`),
      of(({ number }) => lanPrefixOf(number)),
      of(({ number }) => {
        const hub = hubOf(number, seats.length);
        return hub === undefined ? null : seats[hub]?.siteId;
      }),
    ],
  );
  await client.query(
    `INSERT INTO agents (organization_id, id, site_id, hostname, state, version, nats_public_key, tunnel_public_key,
       tunnel_port, endpoints, approved_at)
     SELECT (SELECT id FROM organizations), id, site, hostname, 'APPROVED', '0', nats_key, tunnel_key, 4810, ARRAY[endpoint], now()
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
       AS given(id, site, hostname, nats_key, tunnel_key, endpoint)`,
    [
      of(({ agentId }) => agentId),
      of(({ siteId }) => siteId),
      of(({ number }) => `edge-${String(number)}`),
      keys.map(({ natsPublicKey }) => natsPublicKey),
      keys.map(({ tunnelPublicKey }) => tunnelPublicKey),
      // RFC 2544's block for benchmarks.
      of(({ number }) => `198.18.${String(number >> 8)}.${String(number & 255)}:4810`),
    ],
  );
  await client.query('ANALYZE sites, agents');
}

export async function readOrganizationId(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ id: string }>('SELECT id FROM organizations');
  const [organization] = rows;
  if (organization === undefined || rows.length > 1) throw new Error('there is not exactly one organization');
  return organization.id;
}

/** Credentials as the controller issues them at an enrolment, by its own code and with its own account's key. */
export async function issueCredentials(
  controllerStateDir: string,
  organizationId: string,
  seats: readonly AgentSeat[],
  keys: readonly AgentKeys[],
): Promise<AgentCredentialMessage[]> {
  const credentials = new AgentCredentials(await openNatsOperator(join(controllerStateDir, 'nats')));
  return Promise.all(
    seats.map(async ({ number, agentId }, place) => {
      const { natsPublicKey } = keys[place] ?? { natsPublicKey: '' };
      const agent = { organizationId, agentId, natsPublicKey, state: 'approved' } as const;
      const { jwt, expiresAt } = await credentials.issue(agent);
      return { number, jwt, expiresAt: expiresAt.toISOString() };
    }),
  );
}
