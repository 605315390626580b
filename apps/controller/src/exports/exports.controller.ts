import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Logger, Req, Res } from '@nestjs/common';
import { AuthService } from '../auth/auth.service.js';
import { mayDo, type Principal } from '../auth/principal.js';
import { ApiError, type ErrorCode } from '../graphql/errors.js';
import { clientAddress } from '../http/client-address.js';
import { parseFlowsExport, parseTelemetryExport } from './export-query.js';
import { ExportsService, FLOW_COLUMNS, POINT_COLUMNS } from './exports.service.js';
import { sendCsv } from './send-csv.js';

const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
};

/** Downloads of telemetry as CSV, for whoever may read the organization: by session cookie or API token. */
@Controller('api/v1/export')
export class ExportsController {
  private readonly logger = new Logger(ExportsController.name);

  constructor(
    private readonly auth: AuthService,
    private readonly exports: ExportsService,
  ) {}

  /** Connections: `from`, `to` (of their start), `siteId`, `agentId`, `address`, `destinationPort`, `handling`. */
  @Get('flows.csv')
  async flows(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    await this.answer(request, response, async (principal, search) => {
      const rows = this.exports.flows(principal, parseFlowsExport(search));
      await sendCsv(response, { fileName: 'flows.csv', columns: FLOW_COLUMNS, rows });
    });
  }

  /** A series: `from`, `to`, `siteId`, `agentId`, `linkId`, `maxPoints`, as the query `telemetry` takes them. */
  @Get('telemetry.csv')
  async telemetry(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    await this.answer(request, response, async (principal, search) => {
      const points = await this.exports.points(principal, parseTelemetryExport(search));
      await sendCsv(response, { fileName: 'telemetry.csv', columns: POINT_COLUMNS, rows: points });
    });
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    send: (principal: Principal, search: URLSearchParams) => Promise<void>,
  ): Promise<void> {
    try {
      const principal = await this.admit(request);
      await send(principal, new URL(request.url ?? '/', 'https://localhost').searchParams);
    } catch (error) {
      if (error instanceof ApiError && !response.headersSent) refuse(response, error);
      else if (!response.destroyed) {
        this.logger.error(`an export failed: ${String(error)}`);
        // Half a file must not look like a whole one.
        response.destroy();
      }
    }
  }

  /** @throws ApiError UNAUTHENTICATED, FORBIDDEN */
  private async admit(request: IncomingMessage): Promise<Principal> {
    const { headers } = request;
    const principal = await this.auth.authenticate({ headers, remoteAddress: clientAddress(request) });
    if (principal === undefined) {
      throw new ApiError(
        'UNAUTHENTICATED',
        'Sign in, or send an API token as "Authorization: Bearer lh_api_…".',
      );
    }
    if (!mayDo(principal, 'read')) {
      throw new ApiError('FORBIDDEN', 'This needs an API token with the scope "read": make one that has it.');
    }
    return principal;
  }
}

const refuse = (response: ServerResponse, { code, message }: ApiError): void => {
  response.writeHead(STATUS[code] ?? 500, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify({ code, message }));
};
