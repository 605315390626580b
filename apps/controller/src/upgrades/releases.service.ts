import type { Readable } from 'node:stream';
import { releaseSignatureSchema, releaseVersionSchema } from '@longhaul/contracts';
import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import type { Principal } from '../auth/principal.js';
import type { Transaction } from '../database/prisma.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { WorkerDatabase } from '../database/worker-database.js';
import type { AgentRelease as ReleaseRow, Prisma } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { descending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { parseInput } from '../graphql/validation.js';
import { DesiredStateCompiler } from '../policy/desired-state-compiler.js';
import { ReleaseFiles, type ReceivedFile } from './release-files.js';
import type { AgentReleaseConnection } from './release.model.js';
import { activeUpgrade } from './wanted-releases.js';

/** Of an organization: their files, of up to 256 MiB each, are in the state folder of the controller. */
const MAX_RELEASES = 20;

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
  private readonly logger = new Logger(ReleasesService.name);

  constructor(
    private readonly database: TenantDatabase,
    private readonly worker: WorkerDatabase,
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
   *
   * @throws ApiError BAD_INPUT, CONFLICT; then nothing of the file is left
   */
  async add(principal: Principal, given: NewRelease, content: Readable): Promise<ReleaseRow> {
    const release = parseInput(releaseSchema, given);
    const { organizationId } = principal;
    // Before a large file is taken for nothing.
    await this.database.transaction(organizationId, (tx) => assertRoom(tx, organizationId, release.version));
    return this.files.receive(content, release.version, async (file) => {
      try {
        return await this.store(principal, release, file);
      } catch (error) {
        await this.removeUnused(file.sha256);
        throw error;
      }
    });
  }

  private async store(
    principal: Principal,
    { version, signature, notes }: z.output<typeof releaseSchema>,
    { sha256, bytes, keep }: ReceivedFile,
  ): Promise<ReleaseRow> {
    const { organizationId } = principal;
    return this.database.transaction(organizationId, async (tx) => {
      await this.compiler.lock(tx, organizationId);
      await assertRoom(tx, organizationId, version);
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
      await lockFile(tx, sha256);
      await keep();
      return after;
    });
  }

  /** @throws ApiError NOT_FOUND, CONFLICT while somebody is to run it */
  async remove(context: RequestContext, version: string): Promise<boolean> {
    const { organizationId, principal } = context;
    const { sha256 } = await context.write(async (tx) => {
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
      return before;
    });
    await this.removeUnused(sha256);
    return true;
  }

  /** Removes a file of which no organization has a release. */
  private async removeUnused(sha256: string): Promise<void> {
    try {
      await this.worker.transaction(async (tx) => {
        await lockFile(tx, sha256);
        if ((await tx.agentRelease.count({ where: { sha256 } })) === 0) await this.files.remove(sha256);
      });
    } catch (error) {
      this.logger.warn(`the file ${sha256} of a release could not be removed: ${String(error)}`);
    }
  }
}

/**
 * Makes whoever keeps or removes a file wait for each other, to the end of the transaction: a file that is kept for one organization
 * is not removed for another that does not see the release yet.
 */
const lockFile = async (tx: Transaction, sha256: string): Promise<void> => {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`release ${sha256}`}, 0))::text`;
};

/** @throws ApiError CONFLICT when the organization has as many other releases as it may */
const assertRoom = async (tx: Transaction, organizationId: string, version: string): Promise<void> => {
  const others = await tx.agentRelease.count({ where: { organizationId, version: { not: version } } });
  if (others < MAX_RELEASES) return;
  throw new ApiError(
    'CONFLICT',
    `There are ${String(others)} releases, and may be ${String(MAX_RELEASES)}: remove one that no agent is to run.`,
  );
};
