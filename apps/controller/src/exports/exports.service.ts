import { policyRuleId } from '@longhaul/contracts';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { agentIdsOf } from '../fleet/flows.service.js';
import type { TelemetryPoint } from '../series/series.model.js';
import { SeriesService } from '../series/series.service.js';
import { TelemetryQueries, type FlowCursor, type StoredFlow } from '../telemetry/telemetry-queries.js';
import type { FlowsExport, TelemetryExport } from './export-query.js';

/** Rows of one query; each is a transaction of its own, so that a slow client holds none. */
const PAGE_ROWS = 1_000;

export const FLOW_COLUMNS = [
  'startedAt',
  'lastSeenAt',
  'source',
  'destination',
  'destinationPort',
  'handling',
  'ended',
  'reason',
  'ruleId',
  'agentId',
  'peerAgentId',
  'bytesUp',
  'bytesDown',
  'encodedBytesUp',
  'encodedBytesDown',
  'flowId',
] as const satisfies readonly (keyof StoredFlow)[];

export const POINT_COLUMNS = [
  'at',
  'sentMbps',
  'receivedMbps',
  'wireSentMbps',
  'wireReceivedMbps',
  'rttMs',
  'minRttMs',
  'maxRttMs',
  'lossPct',
  'retransmitPct',
  'upPct',
  'openStreams',
  'bytesSent',
  'bytesReceived',
  'wireBytesSent',
  'wireBytesReceived',
  'flowsAccelerated',
  'flowsPassed',
  'flowsRefused',
  'acceleratedBytes',
  'passedBytes',
  'bytesSaved',
  'timeSavedSeconds',
] as const satisfies readonly (keyof TelemetryPoint)[];

/** Reads what is exported, of the organization of whoever asks. */
@Injectable()
export class ExportsService {
  private readonly telemetry = new TelemetryQueries();

  constructor(
    private readonly database: TenantDatabase,
    private readonly series: SeriesService,
  ) {}

  /** Connections, the newest first. What comes while it is read is not in it. */
  async *flows({ organizationId }: Principal, query: FlowsExport): AsyncGenerator<StoredFlow> {
    const { from, to = new Date(), address, destinationPort, handling } = query;
    let after: FlowCursor | undefined;
    for (;;) {
      const page = await this.database.transaction(organizationId, async (tx) =>
        this.telemetry.flows(tx, {
          organizationId,
          filter: {
            agentIds: await agentIdsOf(tx, organizationId, query),
            address,
            destinationPort,
            handling,
            since: from,
            until: to,
          },
          first: PAGE_ROWS,
          after,
        }),
      );
      yield* page.map((flow) => ({ ...flow, ruleId: flow.ruleId && policyRuleId(flow.ruleId) }));
      after = page.at(-1);
      if (after === undefined || page.length < PAGE_ROWS) return;
    }
  }

  /** Points of a series, the oldest first. @throws ApiError as {@link SeriesService.series} */
  async points({ organizationId }: Principal, query: TelemetryExport): Promise<TelemetryPoint[]> {
    const { points } = await this.series.series(
      { organizationId, read: (work) => this.database.transaction(organizationId, work) },
      query,
    );
    return points;
  }
}
