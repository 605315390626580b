import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AGENT_API, releaseRequestSchema } from '@longhaul/contracts';
import { Body, Controller, HttpCode, Post, Res, UseFilters } from '@nestjs/common';
import { WorkerDatabase } from '../database/worker-database.js';
import { AgentApiError } from '../enrollment/agent-api-error.js';
import { AgentApiFilter } from '../enrollment/agent-api.filter.js';
import { ChallengesService } from '../enrollment/challenges.service.js';
import { ReleaseFiles } from './release-files.js';

/** Gives agents the files of the releases that they are to run: to approved agents, and of their own organization. */
@Controller()
@UseFilters(AgentApiFilter)
export class AgentReleasesController {
  constructor(
    private readonly challenges: ChallengesService,
    private readonly database: WorkerDatabase,
    private readonly files: ReleaseFiles,
  ) {}

  @Post(AGENT_API.release)
  @HttpCode(200)
  async release(@Body() body: unknown, @Res() response: ServerResponse): Promise<void> {
    const parsed = releaseRequestSchema.safeParse(body);
    if (!parsed.success) throw new AgentApiError('BAD_REQUEST', 'The body is not as the contract has it.');
    const { natsPublicKey, sha256 } = parsed.data;
    await this.challenges.verify('release', parsed.data);
    await this.admit(natsPublicKey, sha256);
    const file = await this.files.read(sha256);
    if (file === undefined)
      throw new AgentApiError(
        'RELEASE_UNKNOWN',
        'This controller does not have the file: add the release again.',
      );
    response.writeHead(200, {
      'Content-Type': 'application/gzip',
      'Content-Length': file.bytes,
      'Cache-Control': 'no-store',
    });
    // An agent that goes away begins anew.
    await pipeline(file.content, response).catch(() => undefined);
  }

  /** @throws AgentApiError AGENT_UNKNOWN, AGENT_REVOKED, RELEASE_UNKNOWN */
  private async admit(natsPublicKey: string, sha256: string): Promise<void> {
    const { prisma } = this.database;
    const agent = await prisma.agent.findFirst({
      where: { OR: [{ natsPublicKey }, { nextNatsPublicKey: natsPublicKey }] },
      select: { organizationId: true, state: true },
    });
    if (agent === null)
      throw new AgentApiError('AGENT_UNKNOWN', 'No agent has this key: enrol with a token.');
    if (agent.state === 'REVOKED') throw new AgentApiError('AGENT_REVOKED', 'The agent was revoked.');
    const { organizationId } = agent;
    const releases = await prisma.agentRelease.count({ where: { organizationId, sha256 } });
    if (agent.state !== 'APPROVED' || releases === 0)
      throw new AgentApiError('RELEASE_UNKNOWN', 'There is no such release for this agent: add it again.');
  }
}
