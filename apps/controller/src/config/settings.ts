import type { BlockList } from 'node:net';
import { z } from 'zod';
import { proxyList } from '../http/client-address.js';
import type { TracingSettings } from '../tracing/tracing.js';
import {
  DEFAULT_RETENTION,
  MIN_RETENTION_DAYS,
  MIN_RETENTION_OF_DAYS,
  type Retention,
} from '../telemetry/partitions.js';
import {
  notificationEnvironment,
  readNotificationSettings,
  type NotificationSettings,
} from './notification-settings.js';
import { oidcEnvironment, readOidcSettings, type OidcSettings } from './oidc-settings.js';

/** A setting is missing or wrong; the message has one line for each, and says what to do. */
export class SettingsError extends Error {}

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const postgresUrl = z
  .string({ error: 'is not set: give a PostgreSQL URL, postgresql://user:password@host:5432/longhaul' })
  .refine((url) => /^postgres(ql)?:\/\/\S+$/.test(url), 'must begin with postgresql://');

const natsUrl = z
  .string({ error: 'is not set: give the address of a nats-server, nats://host:4222' })
  .refine((url) => /^(nats|tls|ws|wss):\/\/\S+$/.test(url), 'must begin with nats:// or tls://');

const list = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const parseListen = (item: string, context: z.RefinementCtx<string>): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(item);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    context.addIssue(`"${item}" must be host:port, for instance 127.0.0.1:8443 or [::1]:8443`);
    return z.NEVER;
  }
  return { host: match[1] ?? match[2] ?? '', port };
};

const listenList = z
  .string()
  .transform(list)
  .pipe(z.array(z.string().transform(parseListen)).min(1, 'names no address'));

const parseProxies = (entries: string[], context: z.RefinementCtx<string[]>): BlockList => {
  try {
    return proxyList(entries);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
    return z.NEVER;
  }
};

const retentionDays = (least: number, why: string) =>
  z.coerce
    .number('must be a number of days')
    .int('must be a whole number of days')
    .min(least, `must be ${String(least)} or more: ${why}`)
    .max(36_500);
const retention = retentionDays(MIN_RETENTION_DAYS, 'so long agents may hold back telemetry');
const retentionOfDays = retentionDays(
  MIN_RETENTION_OF_DAYS,
  'weeks are computed of days, and agents may hold back telemetry',
);

const schema = z.object({
  LONGHAUL_STATE_DIR: z
    .string()
    .startsWith('/', 'must be an absolute path')
    .default('/var/lib/longhaul/controller'),
  DATABASE_URL: postgresUrl,
  DATABASE_OWNER_URL: postgresUrl,
  DATABASE_WORKER_URL: postgresUrl,
  DATABASE_CONNECTIONS: z.coerce.number('must be a number').int().min(2).max(500).default(10),
  NATS_URL: natsUrl,
  LONGHAUL_NATS_ALLOW_OLD: z.enum(['true', 'false'], 'must be true or false').default('false'),
  LONGHAUL_LISTEN: listenList.prefault('127.0.0.1:8443'),
  LONGHAUL_PUBLIC_URL: z.url({ protocol: /^https$/, error: 'must be an https:// URL' }).optional(),
  LONGHAUL_NATS_PUBLIC_URLS: z.string().transform(list).pipe(z.array(natsUrl)).optional(),
  LONGHAUL_SESSION_SECRET: z.string().min(32, 'must have 32 characters or more').optional(),
  LONGHAUL_ORGANIZATION: z.string().trim().min(1).max(100).default('Default'),
  LONGHAUL_ADMIN_EMAIL: z.email('must be an e-mail address').default('admin@longhaul.local'),
  LONGHAUL_ADMIN_PASSWORD: z.string().min(12, 'must have 12 characters or more').max(200).optional(),
  LONGHAUL_AGENT_API_RATE: z.coerce.number('must be a number').positive().max(100_000).default(5),
  LONGHAUL_AGENT_API_BURST: z.coerce.number('must be a number').int().min(1).max(1_000_000).default(50),
  LONGHAUL_TRUSTED_PROXIES: z.string().default('').transform(list).transform(parseProxies),
  LONGHAUL_METRICS_LISTEN: z.string().transform(parseListen).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({
      protocol: /^https?$/,
      error: 'must be an http:// or https:// URL, for instance http://127.0.0.1:4318',
    })
    .optional(),
  OTEL_SERVICE_NAME: z.string().min(1).max(200).default('longhaul-controller'),
  LONGHAUL_RETENTION_RAW_DAYS: retention.default(DEFAULT_RETENTION.rawDays),
  LONGHAUL_RETENTION_FLOWS_DAYS: retention.default(DEFAULT_RETENTION.flowsDays),
  LONGHAUL_RETENTION_1M_DAYS: retention.default(DEFAULT_RETENTION.rollupDays['1m']),
  LONGHAUL_RETENTION_5M_DAYS: retention.default(DEFAULT_RETENTION.rollupDays['5m']),
  LONGHAUL_RETENTION_1H_DAYS: retention.default(DEFAULT_RETENTION.rollupDays['1h']),
  LONGHAUL_RETENTION_1D_DAYS: retentionOfDays.default(DEFAULT_RETENTION.rollupDays['1d']),
  LONGHAUL_DRAIN_SECONDS: z.coerce.number('must be a number').min(0).max(300).default(5),
  ...oidcEnvironment,
  ...notificationEnvironment,
  LONGHAUL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that can be set, read once. Nothing else reads the environment. */
export interface Settings {
  /** CA, certificates, seeds, secrets. */
  readonly stateDir: string;
  readonly database: {
    readonly appUrl: string;
    readonly ownerUrl: string;
    readonly workerUrl: string;
    /** Of each pool, at most. */
    readonly connections: number;
  };
  readonly natsUrl: string;
  /** Whether a nats-server older than the fixes of JetStream's access checks is put up with (a trial). */
  readonly natsAllowOld: boolean;
  readonly listen: readonly ListenAddress[];
  /** Where people and agents reach the controller. */
  readonly publicUrl: string;
  /** What agents are told. */
  readonly natsPublicUrls: readonly string[];
  /** Undefined: the one in the state folder. */
  readonly sessionSecret: string | undefined;
  /** Of the first start. */
  readonly organizationName: string;
  readonly adminEmail: string;
  readonly adminPassword: string | undefined;
  /** How often one client address may call the agent API; a site's agents may be behind one. */
  readonly agentApi: { readonly perSecond: number; readonly burst: number };
  /** Balancers whose X-Forwarded-For says who the client is. */
  readonly trustedProxies: BlockList;
  /** Where `/metrics` is served, over plain HTTP; undefined: nowhere. */
  readonly metricsListen: ListenAddress | undefined;
  /** Where spans are sent; undefined: nowhere. */
  readonly tracing: TracingSettings | undefined;
  /** How long telemetry is kept. */
  readonly retention: Retention;
  /** Between "not ready any more" and the last new connection, at the end: for balancers to notice. In milliseconds. */
  readonly drainMs: number;
  /** Undefined: people sign in by password only. */
  readonly oidc: OidcSettings | undefined;
  /** How people and programs are told of alerts. */
  readonly notifications: NotificationSettings;
  readonly logLevel: string;
}

/** @throws SettingsError */
export const loadSettings = (environment: Environment): Settings => {
  const parsed = schema.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new SettingsError(parsed.error.issues.map(describe).join('\n'));
  const values = parsed.data;
  const [first] = values.LONGHAUL_LISTEN;
  return {
    stateDir: values.LONGHAUL_STATE_DIR,
    database: {
      appUrl: values.DATABASE_URL,
      ownerUrl: values.DATABASE_OWNER_URL,
      workerUrl: values.DATABASE_WORKER_URL,
      connections: values.DATABASE_CONNECTIONS,
    },
    natsUrl: values.NATS_URL,
    natsAllowOld: values.LONGHAUL_NATS_ALLOW_OLD === 'true',
    listen: values.LONGHAUL_LISTEN,
    publicUrl: (values.LONGHAUL_PUBLIC_URL ?? urlOf(first)).replace(/\/+$/, ''),
    natsPublicUrls: values.LONGHAUL_NATS_PUBLIC_URLS ?? [values.NATS_URL],
    sessionSecret: values.LONGHAUL_SESSION_SECRET,
    organizationName: values.LONGHAUL_ORGANIZATION,
    adminEmail: values.LONGHAUL_ADMIN_EMAIL.toLowerCase(),
    adminPassword: values.LONGHAUL_ADMIN_PASSWORD,
    agentApi: { perSecond: values.LONGHAUL_AGENT_API_RATE, burst: values.LONGHAUL_AGENT_API_BURST },
    trustedProxies: values.LONGHAUL_TRUSTED_PROXIES,
    metricsListen: values.LONGHAUL_METRICS_LISTEN,
    tracing:
      values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : { endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT, serviceName: values.OTEL_SERVICE_NAME },
    retention: {
      rawDays: values.LONGHAUL_RETENTION_RAW_DAYS,
      flowsDays: values.LONGHAUL_RETENTION_FLOWS_DAYS,
      rollupDays: {
        '1m': values.LONGHAUL_RETENTION_1M_DAYS,
        '5m': values.LONGHAUL_RETENTION_5M_DAYS,
        '1h': values.LONGHAUL_RETENTION_1H_DAYS,
        '1d': values.LONGHAUL_RETENTION_1D_DAYS,
      },
    },
    drainMs: values.LONGHAUL_DRAIN_SECONDS * 1000,
    oidc: read(() => readOidcSettings(values)),
    notifications: read(() => readNotificationSettings(values)),
    logLevel: values.LONGHAUL_LOG_LEVEL,
  };
};

/** What `backup` and `restore` need of the {@link Settings}. */
export interface BackupSettings {
  readonly ownerUrl: string;
  readonly stateDir: string;
}

/** @throws SettingsError */
export const loadBackupSettings = (environment: Environment): BackupSettings => {
  const parsed = schema
    .pick({ DATABASE_OWNER_URL: true, LONGHAUL_STATE_DIR: true })
    .safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new SettingsError(parsed.error.issues.map(describe).join('\n'));
  return { ownerUrl: parsed.data.DATABASE_OWNER_URL, stateDir: parsed.data.LONGHAUL_STATE_DIR };
};

/** What a part of the environment says together. @throws SettingsError */
const read = <T>(part: () => T): T => {
  try {
    return part();
  } catch (error) {
    throw new SettingsError(error instanceof Error ? error.message : String(error), { cause: error });
  }
};

/** `NAME=` in an environment file means: not set. */
const withoutEmpty = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));

const describe = (issue: z.core.$ZodIssue): string => `${String(issue.path[0])} ${issue.message}`;

const urlOf = (address: ListenAddress | undefined): string => {
  const host = address?.host ?? '127.0.0.1';
  return `https://${host.includes(':') ? `[${host}]` : host}:${String(address?.port ?? 8443)}`;
};
