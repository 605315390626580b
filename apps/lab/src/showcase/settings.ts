import { z } from 'zod';
import type { ExternalServices } from '../fleet/control-plane.js';

const DEFAULT_STATE_DIR = '/var/lib/longhaul/showcase';
const DEFAULT_PORT = 8443;
const REPORT_LINKS = ['baseline', 'sonet', 'll-metro', 'metro', 'mpls'];

const url = (scheme: string) =>
  z
    .string()
    .regex(new RegExp(`^${scheme}://\\S+$`), `must begin with ${scheme.replace('(ql)?', 'ql')}://`)
    .optional();

const schema = z
  .object({
    port: z.coerce.number('must be a number').int().min(1).max(65_535),
    stateDir: z.string().startsWith('/', 'must be an absolute path'),
    links: z.array(z.string()).min(1),
    liveLink: z.string(),
    workload: z.string(),
    table: z.boolean(),
    once: z.boolean(),
    DATABASE_URL: url('postgres(ql)?'),
    DATABASE_OWNER_URL: url('postgres(ql)?'),
    DATABASE_WORKER_URL: url('postgres(ql)?'),
    NATS_URL: url('(nats|tls)'),
  })
  .refine(
    ({ DATABASE_URL: app, DATABASE_OWNER_URL: owner, DATABASE_WORKER_URL: worker }) =>
      [app, owner, worker].every((value) => value === undefined) ||
      [app, owner, worker].every((value) => value !== undefined),
    'for an external PostgreSQL set all of DATABASE_URL, DATABASE_OWNER_URL and DATABASE_WORKER_URL',
  );

/** What `npm start` may be told, by flags and environment. */
export interface ShowcaseSettings {
  readonly port: number;
  readonly stateDir: string;
  readonly links: readonly string[];
  /** Carries the traffic after the table. */
  readonly liveLink: string;
  readonly workload: string;
  /** Whether the comparison is made at all. */
  readonly table: boolean;
  /** Ends after the table. */
  readonly once: boolean;
  readonly external: ExternalServices;
}

/** A setting is wrong; the message says which and how. */
export class SettingsError extends Error {}

/** @throws SettingsError */
export function loadSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
): ShowcaseSettings {
  const parsed = schema.safeParse({
    port: flags.port ?? environment.LONGHAUL_PORT ?? DEFAULT_PORT,
    stateDir: flags.stateDir ?? environment.LONGHAUL_SHOWCASE_DIR ?? DEFAULT_STATE_DIR,
    links: flags.links ?? REPORT_LINKS,
    liveLink: flags.liveLink ?? 'mpls',
    workload: flags.workload ?? 'vm',
    table: flags.table !== false,
    once: flags.once === true,
    DATABASE_URL: environment.DATABASE_URL || undefined,
    DATABASE_OWNER_URL: environment.DATABASE_OWNER_URL || undefined,
    DATABASE_WORKER_URL: environment.DATABASE_WORKER_URL || undefined,
    NATS_URL: environment.NATS_URL || undefined,
  });
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`.trim());
    throw new SettingsError(lines.join('\n'));
  }
  const { DATABASE_URL, DATABASE_OWNER_URL, DATABASE_WORKER_URL, NATS_URL, ...rest } = parsed.data;
  return {
    ...rest,
    external: {
      database: databaseOf(DATABASE_URL, DATABASE_OWNER_URL, DATABASE_WORKER_URL),
      natsUrl: NATS_URL,
    },
  };
}

function databaseOf(appUrl?: string, ownerUrl?: string, workerUrl?: string): ExternalServices['database'] {
  if (appUrl === undefined || ownerUrl === undefined || workerUrl === undefined) return undefined;
  return { appUrl, ownerUrl, workerUrl };
}
