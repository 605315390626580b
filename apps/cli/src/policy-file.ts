import { portRangeSchema, rateLimitMbpsSchema } from '@longhaul/contracts';
import { parse, stringify, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { CliError } from './errors.js';
import { findOne } from './find.js';
import type { ApiDocument, ApiForward, ApiRule, ApiTest } from './operations.js';
import { placed } from './yaml-lines.js';

/**
 * The policy as a file to keep under version control: sites by name, ports as numbers or "from-to", everything that has
 * its default left out. YAML, of which JSON is a part.
 */

const MAX_PORT = 65_535;

const portsSchema = z
  .union([z.int(), z.string().regex(/^\d{1,5}(-\d{1,5})?$/, 'must be a port, or "from-to"')])
  .transform((value, context) => {
    const [from, to = from] = String(value).split('-').map(Number);
    const range = portRangeSchema.safeParse({ from, to });
    if (range.success) return range.data;
    context.addIssue({ code: 'custom', message: `must be ports from 1 to ${MAX_PORT}, the lower one first` });
    return z.NEVER;
  });

const selectorSchema = z.strictObject({
  sites: z.array(z.string()).default([]),
  labels: z.array(z.string()).default([]),
  prefixes: z.array(z.string()).default([]),
});

const EVERYTHING = { sites: [], labels: [], prefixes: [] };

const ruleSchema = z.strictObject({
  id: z.string().optional(),
  name: z.string().min(1),
  priority: z.int().min(0).max(1_000_000),
  enabled: z.boolean().default(true),
  source: selectorSchema.default(EVERYTHING),
  destination: selectorSchema.default(EVERYTHING),
  application: z.string().nullable().default(null),
  ports: z.array(portsSchema).default([]),
  action: z.enum(['accelerate', 'pass', 'deny']),
  compression: z.enum(['auto', 'off', 'strongest']).default('auto'),
  class: z.enum(['interactive', 'bulk', 'scavenger']).default('bulk'),
  weight: z.int().min(1).max(100).default(10),
  whenPeerDown: z.enum(['pass', 'refuse']).default('pass'),
  /** Mbit/s each way of all its connections together. */
  rateLimitMbps: rateLimitMbpsSchema.nullable().default(null),
});

const forwardSchema = z.strictObject({
  name: z.string().min(1),
  site: z.string(),
  listenAddress: z.string(),
  listenPort: z.int().min(1).max(MAX_PORT),
  destinationSite: z.string(),
  targetAddress: z.string(),
  targetPort: z.int().min(1).max(MAX_PORT),
  compression: ruleSchema.shape.compression,
  class: ruleSchema.shape.class,
  weight: ruleSchema.shape.weight,
  whenPeerDown: ruleSchema.shape.whenPeerDown,
  rateLimitMbps: ruleSchema.shape.rateLimitMbps,
});

const testSchema = z.strictObject({
  name: z.string().min(1),
  source: z.string(),
  destination: z.string(),
  port: z.int().min(1).max(MAX_PORT),
  expect: z.enum(['accelerate', 'pass', 'deny', 'none']),
  rule: z.string().nullable().default(null),
});

const fileSchema = z.strictObject({
  /** Revision that the file was taken from; saving over a later one is a conflict. */
  revision: z.int().min(1).nullable().optional(),
  /** Whose policy it is: of a site group, of a site; of the organization when left out. */
  target: z.union([z.strictObject({ label: z.string() }), z.strictObject({ site: z.string() })]).optional(),
  rules: z.array(ruleSchema),
  /** As they are in force when left out. */
  forwards: z.array(forwardSchema).optional(),
  tests: z.array(testSchema).optional(),
});

export type PolicyFile = z.infer<typeof fileSchema>;
type FileRule = PolicyFile['rules'][number];

export interface NamedSite {
  readonly id: string;
  readonly name: string;
}

/** @throws CliError that names the file, the line or the field */
export function parsePolicyFile(text: string, path: string): PolicyFile {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    if (error instanceof YAMLParseError) {
      throw new CliError(`${path}:${String(error.linePos?.[0].line ?? 1)}: ${error.message.trim()}`);
    }
    throw error;
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: field, message }) => ({
    path: fieldName(field),
    message,
  }));
  throw new CliError(placed(text, path, problems));
}

const fieldName = (field: readonly PropertyKey[]): string =>
  field
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '') || 'the file';

/** The policy that a file is about, for the API. @throws CliError when the site is not known */
export function toApiTarget(target: PolicyFile['target'], sites: readonly NamedSite[]) {
  if (target === undefined) return undefined;
  return 'label' in target ? target : { siteId: idOfSite(target.site, sites) };
}

const idOfSite = (wanted: string, sites: readonly NamedSite[]): string =>
  findOne('site', wanted, sites, ({ name }) => name).id;

/** @throws CliError when a site is not known */
export function toApiForwards(
  { forwards }: PolicyFile,
  sites: readonly NamedSite[],
): ApiForward[] | undefined {
  return forwards?.map(({ site, destinationSite, ...forward }) => ({
    ...forward,
    siteId: idOfSite(site, sites),
    destinationSiteId: idOfSite(destinationSite, sites),
    compression: forward.compression.toUpperCase(),
    class: forward.class.toUpperCase(),
    whenPeerDown: forward.whenPeerDown.toUpperCase(),
  }));
}

export function toApiTests({ tests }: PolicyFile): ApiTest[] | undefined {
  return tests?.map((test) => ({ ...test, expect: test.expect.toUpperCase() }));
}

/**
 * Rules for the API. A rule without an id gets that of the rule in force with its name, so that what is told of a rule
 * stays told of it.
 * @throws CliError when a site is not known.
 */
export function toApiRules(
  file: PolicyFile,
  sites: readonly NamedSite[],
  inForce: readonly ApiRule[],
): Omit<ApiRule, 'id'>[] {
  const idOfName = uniqueIds(inForce);
  const taken = new Set(file.rules.map(({ id }) => id));
  return file.rules.map((rule) => {
    const known = idOfName.get(rule.name);
    const id = rule.id ?? (known !== undefined && !taken.has(known) ? known : undefined);
    if (id !== undefined) taken.add(id);
    return { ...toApiRule(rule, sites), ...(id === undefined ? {} : { id }) };
  });
}

function uniqueIds(rules: readonly ApiRule[]): Map<string, string> {
  const names = rules.map(({ name }) => name);
  const unique = rules.filter(({ name }) => names.indexOf(name) === names.lastIndexOf(name));
  return new Map(unique.map(({ name, id }) => [name, id]));
}

function toApiRule(rule: FileRule, sites: readonly NamedSite[]): Omit<ApiRule, 'id'> {
  return {
    ...rule,
    source: toApiSelector(rule.source, sites),
    destination: toApiSelector(rule.destination, sites),
    action: rule.action.toUpperCase(),
    compression: rule.compression.toUpperCase(),
    class: rule.class.toUpperCase(),
    whenPeerDown: rule.whenPeerDown.toUpperCase(),
  };
}

function toApiSelector(selector: FileRule['source'], sites: readonly NamedSite[]): ApiRule['source'] {
  const siteIds = selector.sites.map((wanted) => idOfSite(wanted, sites));
  return { siteIds, labels: selector.labels, prefixes: selector.prefixes };
}

/** The file for a policy. Ids are left out where the names tell rules apart. */
export function formatPolicyFile(
  revision: number | null,
  { rules, forwards, tests }: ApiDocument,
  sites: readonly NamedSite[],
  target?: PolicyFile['target'],
): string {
  const idOfName = uniqueIds(rules);
  return stringify({
    revision,
    ...(target === undefined ? {} : { target }),
    rules: rules.map((rule) => toFileRule(rule, sites, !idOfName.has(rule.name))),
    ...(forwards.length === 0 ? {} : { forwards: forwards.map((forward) => toFileForward(forward, sites)) }),
    ...(tests.length === 0 ? {} : { tests: tests.map(toFileTest) }),
  });
}

const nameOfSite = (id: string, sites: readonly NamedSite[]): string =>
  sites.find((site) => site.id === id)?.name ?? id;

function toFileForward({ siteId, destinationSiteId, ...forward }: ApiForward, sites: readonly NamedSite[]) {
  const { name, listenAddress, listenPort, targetAddress, targetPort, weight } = forward;
  const whole: Record<string, unknown> = {
    name,
    site: nameOfSite(siteId, sites),
    listenAddress,
    listenPort,
    destinationSite: nameOfSite(destinationSiteId, sites),
    targetAddress,
    targetPort,
    compression: forward.compression.toLowerCase(),
    class: forward.class.toLowerCase(),
    weight,
    whenPeerDown: forward.whenPeerDown.toLowerCase(),
    rateLimitMbps: forward.rateLimitMbps,
  };
  return Object.fromEntries(
    Object.entries(whole).filter(
      ([field, value]) => field === 'name' || value !== DEFAULTS[field as keyof FileRule],
    ),
  );
}

function toFileTest({ name, source, destination, port, expect, rule }: ApiTest) {
  return {
    name,
    source,
    destination,
    port,
    expect: expect.toLowerCase(),
    ...(rule === null ? {} : { rule }),
  };
}

function toFileRule(rule: ApiRule, sites: readonly NamedSite[], withId: boolean): Record<string, unknown> {
  const { name, priority, enabled, application, ports, weight } = rule;
  const whole: Record<string, unknown> = {
    ...(withId ? { id: rule.id } : {}),
    name,
    priority,
    enabled,
    source: toFileSelector(rule.source, sites),
    destination: toFileSelector(rule.destination, sites),
    application,
    ports: ports.map(({ from, to }) => (from === to ? from : `${from}-${to}`)),
    action: rule.action.toLowerCase(),
    compression: rule.compression.toLowerCase(),
    class: rule.class.toLowerCase(),
    weight,
    whenPeerDown: rule.whenPeerDown.toLowerCase(),
    rateLimitMbps: rule.rateLimitMbps,
  };
  return Object.fromEntries(Object.entries(whole).filter(([field, value]) => !isDefault(field, value)));
}

function toFileSelector({ siteIds, labels, prefixes }: ApiRule['source'], sites: readonly NamedSite[]) {
  const lists = { sites: siteIds.map((id) => nameOfSite(id, sites)), labels, prefixes };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

const DEFAULTS = ruleSchema.parse({ name: 'x', priority: 0, action: 'pass' });

function isDefault(field: string, value: unknown): boolean {
  if (field === 'name' || field === 'priority' || field === 'action' || field === 'id') return false;
  if (field === 'source' || field === 'destination') return Object.keys(value ?? {}).length === 0;
  return JSON.stringify(value) === JSON.stringify(DEFAULTS[field as keyof FileRule]);
}
