import { Body, Controller, Get, Header, HttpCode, Inject, Post, Req, UseFilters } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import {
  AGENT_API,
  challengeRequestSchema,
  enrollRequestSchema,
  renewRequestSchema,
  rotateRequestSchema,
  type Credential,
} from '@longhaul/contracts';
import { CONTROLLER_STATE } from '../bootstrap/controller-state.module.js';
import type { ControllerState } from '../bootstrap/prepare.js';
import { AgentApiError } from './agent-api-error.js';
import { AgentApiFilter } from './agent-api.filter.js';
import { ChallengesService } from './challenges.service.js';
import { EnrollmentService } from './enrollment.service.js';
import { clientAddress } from '../http/client-address.js';
import { parseEnrollmentToken } from './enrollment-token.js';

/** @throws AgentApiError `BAD_REQUEST`, naming what is wrong */
const parse = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, 3);
  throw new AgentApiError(
    'BAD_REQUEST',
    faults.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; '),
  );
};

/** The agent-facing API. */
@Controller()
@UseFilters(AgentApiFilter)
export class EnrollmentController {
  constructor(
    @Inject(ChallengesService) private readonly challenges: ChallengesService,
    @Inject(EnrollmentService) private readonly enrollment: EnrollmentService,
    @Inject(CONTROLLER_STATE) private readonly state: ControllerState,
  ) {}

  @Post(AGENT_API.challenge)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async challenge(@Body() body: unknown): Promise<{ challenge: string; expiresAt: string }> {
    const { natsPublicKey } = parse(challengeRequestSchema, body);
    const { challenge, expiresAt } = await this.challenges.create(natsPublicKey);
    return { challenge, expiresAt: expiresAt.toISOString() };
  }

  @Post(AGENT_API.enroll)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async enroll(@Body() body: unknown, @Req() request: IncomingMessage): Promise<Credential> {
    // A garbled token is told as such, whatever else is wrong.
    parseEnrollmentToken((body as { token?: unknown } | undefined)?.token);
    return this.enrollment.enroll(parse(enrollRequestSchema, body), clientAddress(request));
  }

  @Post(AGENT_API.renew)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async renew(@Body() body: unknown): Promise<Credential> {
    return this.enrollment.renew(parse(renewRequestSchema, body));
  }

  @Post(AGENT_API.rotate)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async rotate(@Body() body: unknown, @Req() request: IncomingMessage): Promise<Credential> {
    return this.enrollment.rotate(parse(rotateRequestSchema, body), clientAddress(request));
  }

  /** The CA, for whoever checks it against `--ca-sha256`; it is no secret. */
  @Get('/api/v1/ca.pem')
  @Header('Content-Type', 'application/x-pem-file')
  ca(): string {
    return this.state.caPem;
  }
}
