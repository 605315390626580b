import type { Readable } from 'node:stream';
import { releaseSignatureSchema, releaseVersionSchema } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import type { Principal } from '../auth/principal.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { AgentRelease as ReleaseRow, Prisma } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { ReleaseFiles } from './release-files.js';
import type { AgentReleaseConnection } from './release.model.js';
import { activeUpgrade } from './wanted-releases.js';

const NEWEST_FIRST = new Keyset('agentReleases', [
  descending('createdAt', 'time'),
  descending('version', 'text'),
]);

type ReleasesQuery = PageQuery<Prisma.AgentReleaseWhereInput, Prisma.AgentReleaseOrderByWithRelationInput>;

const releaseSchema = z.object({
  version: releaseVersionSchema,
  signature: releaseSignatureSchema.nullish(),
  notes: z.string().trim().max(2000).nullish(),
});

/** What comes with a release's file. */
export type NewRelease = z.input<typeof releaseSchema>;

@Injectable()
export class ReleasesService {
  constructor(
    private readonly database: TenantDatabase,
    private readonly files: ReleaseFiles,
    private readonly compiler: DesiredStateCompiler,
  ) {}

  /** The newest first. */
  async list(context: RequestContext, page: PageArgs): Promise<AgentReleaseConnection> {
    const { organizationId } = context;
    return readCountedPage(NEWEST_FIRST, page, {
      where: { organizationId },
      find: (query: ReleasesQuery) => context.read((tx) => tx.agentRelease.findMany(query)),
      count: (query) => context.read((tx) => tx.agentRelease.count(query)),
      toNode: (row): ReleaseRow => row,
    });
  }

  /**
   * Keeps a release. The same once more changes its signature and notes, where they are given; another file of the same version is
   * refused, because agents may run the first.
   * @throws ApiError BAD_INPUT, CONFLICT
   */
  async add(principal: Principal, given: NewRelease, content: Readable): Promise<ReleaseRow> {
    const { version, signature, notes } = parseInput(releaseSchema, given);
    const { organizationId } = principal;
    const { sha256, bytes } = await this.files.keep(content, version);
    return this.database.transaction(organizationId, async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_version: { organizationId, version } };
      const before = await tx.agentRelease.findUnique({ where });
      if (before !== null && before.sha256 !== sha256) {
        throw new ApiError(
          'CONFLICT',
          `There is a release ${version} already, of another file (SHA-256 ${before.sha256}): give this one another version.`,
        );
      }
      const data = { ...(signature == null ? {} : { signature }), ...(notes == null ? {} : { notes }) };
      const after = await tx.agentRelease.upsert({
        where,
        create: { organizationId, version, sha256, bytes, author: principal.name, ...data },
        update: data,
      });
      await audit(tx, organizationId, principal, {
        action: 'agent.release.add',
        targetId: version,
        before,
        after,
      });
      // Its signature may be another.
      if (before !== null) await this.compiler.recompile(tx, organizationId);
      return after;
    });
  }

  /** @throws ApiError NOT_FOUND, CONFLICT while somebody is to run it */
  async remove(context: RequestContext, version: string): Promise<boolean> {
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await this.compiler.lock(tx, organizationId);
      const where = { organizationId_version: { organizationId, version } };
      const before = await tx.agentRelease.findUnique({ where });
      if (before === null) throw notFound('release', version);
      const organization = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
      const sites = await tx.site.count({ where: { organizationId, agentVersion: version } });
      const active = await activeUpgrade(tx, organizationId);
      if (organization.agentVersion === version || sites > 0 || active?.version === version) {
        throw new ApiError(
          'CONFLICT',
          `Agents are to run release ${version}: have them run another one first.`,
        );
      }
      await tx.agentRelease.delete({ where });
      await audit(tx, organizationId, principal, {
        action: 'agent.release.remove',
        targetId: version,
        before,
      });
      // The file stays: another organization may have a release of the same one.
      return true;
    });
  }
}
