import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Logger, Post, Req, Res } from '@nestjs/common';
import { AuthService } from '../auth/auth.service.js';
import { mayDo, type Principal } from '../auth/principal.js';
import { ApiError, type ErrorCode } from '../graphql/errors.js';
import { clientAddress } from '../http/client-address.js';
import { ReleasesService } from './releases.service.js';

/** No form of another site's page can send this. */
const CONTENT_TYPE = 'application/gzip';

const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  CONFLICT: 409,
};

/** Takes releases of the agent: the file is the body. For whoever may change agents, by session cookie or API token. */
@Controller('api/v1/releases')
export class ReleasesController {
  private readonly logger = new Logger(ReleasesController.name);

  constructor(
    private readonly auth: AuthService,
    private readonly releases: ReleasesService,
  ) {}

  /** `version`, and if wanted `signature` (base64) and `notes`, in the query. Answers with version, sha256 and bytes. */
  @Post()
  async add(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    try {
      const principal = await this.admit(request);
      const search = new URL(request.url ?? '/', 'https://localhost').searchParams;
      const given = {
        version: search.get('version') ?? '',
        signature: search.get('signature'),
        notes: search.get('notes'),
      };
      const { version, sha256, bytes } = await this.releases.add(principal, given, request);
      send(response, 201, { version, sha256, bytes });
    } catch (error) {
      // What was not read of the body is not waited for.
      response.setHeader('Connection', 'close');
      if (error instanceof ApiError) send(response, STATUS[error.code] ?? 500, error);
      else {
        this.logger.error(`a release could not be taken: ${String(error)}`);
        send(response, 500, {
          code: 'INTERNAL',
          message: 'The release could not be taken: look at the controller’s log.',
        });
      }
    }
  }

  /** @throws ApiError UNAUTHENTICATED, FORBIDDEN, BAD_INPUT */
  private async admit(request: IncomingMessage): Promise<Principal> {
    const { headers } = request;
    const principal = await this.auth.authenticate({ headers, remoteAddress: clientAddress(request) });
    if (principal === undefined) {
      throw new ApiError(
        'UNAUTHENTICATED',
        'Sign in, or send an API token as "Authorization: Bearer lh_api_…".',
      );
    }
    if (!mayDo(principal, 'agents:write'))
      throw new ApiError(
        'FORBIDDEN',
        'This needs the role ADMIN, and of an API token the scope "agents:write".',
      );
    if (headers['content-type'] !== CONTENT_TYPE)
      throw new ApiError('BAD_INPUT', `Send the file as the body, with "Content-Type: ${CONTENT_TYPE}".`);
    return principal;
  }
}

const send = (response: ServerResponse, status: number, body: object): void => {
  if (response.headersSent || response.destroyed) return;
  const { code, message, ...rest } = body as { code?: string; message?: string };
  const content = code === undefined ? rest : { code, message };
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(content));
};
