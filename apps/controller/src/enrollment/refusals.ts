import { Logger } from '@nestjs/common';
import type { WorkerDatabase } from '../database/worker-database.js';
import type { AgentApiErrorCode } from './agent-api-error.js';

/** Refusals that say something about a token, or about whoever tries them. */
export type CountedRefusal = Extract<
  AgentApiErrorCode,
  'TOKEN_UNKNOWN' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'TOKEN_USED_UP' | 'RATE_LIMITED'
>;

const COUNTED: ReadonlySet<AgentApiErrorCode> = new Set<CountedRefusal>([
  'TOKEN_UNKNOWN',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'TOKEN_USED_UP',
  'RATE_LIMITED',
]);

export const isCountedRefusal = (code: AgentApiErrorCode): code is CountedRefusal => COUNTED.has(code);

/** How often what the gate turned away is written down, in milliseconds: it must cost less than what it turns away. */
const FLUSH_INTERVAL_MS = 5_000;

/** Public ids have so many characters; longer ones are nobody's. */
const MAX_PUBLIC_ID = 12;

/**
 * Counts refused enrolments by minute, for alerts. A refusal belongs to the token that was tried, by its public id, also when only
 * its secret was wrong; one that no token is known for belongs to the organization that runs the controller.
 */
export class EnrollmentRefusals {
  private readonly logger = new Logger(EnrollmentRefusals.name);
  private turnedAway = 0;
  private lastTurnedAway: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly database: WorkerDatabase) {}

  start(): void {
    this.timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  /** Never rejects: the refusal is told whether it could be counted or not. */
  async note(code: CountedRefusal, publicId: string | undefined, origin: string | undefined): Promise<void> {
    await this.add({ code, publicId, origin, count: 1 });
  }

  /** Of a request that was turned away before anything was read of it. Written down a little later. */
  noteTurnedAway(origin: string | undefined): void {
    this.turnedAway += 1;
    this.lastTurnedAway = origin;
  }

  private async flush(): Promise<void> {
    const count = this.turnedAway;
    if (count === 0) return;
    this.turnedAway = 0;
    await this.add({ code: 'RATE_LIMITED', publicId: undefined, origin: this.lastTurnedAway, count });
  }

  private async add(refusal: {
    readonly code: CountedRefusal;
    readonly publicId: string | undefined;
    readonly origin: string | undefined;
    readonly count: number;
  }): Promise<void> {
    const { code, origin, count } = refusal;
    const publicId = refusal.publicId?.slice(0, MAX_PUBLIC_ID) ?? '';
    try {
      await this.database.prisma.$executeRaw`
        WITH token AS (
          SELECT organization_id, id FROM enrollment_tokens WHERE public_id = ${publicId}
        ), subject AS (
          SELECT organization_id, id FROM token
          UNION ALL
          SELECT id, id FROM organizations WHERE is_provider AND NOT EXISTS (SELECT 1 FROM token)
        )
        INSERT INTO enrollment_refusals AS r (organization_id, subject_id, minute, code, count, origin)
        SELECT organization_id, id, date_trunc('minute', now()), ${code}, ${count}::int, ${origin ?? null} FROM subject
        ON CONFLICT (organization_id, subject_id, minute, code)
        DO UPDATE SET count = r.count + excluded.count, origin = coalesce(excluded.origin, r.origin)`;
    } catch (error) {
      this.logger.warn(`a refused enrolment was not counted: ${String(error)}`);
    }
  }
}
