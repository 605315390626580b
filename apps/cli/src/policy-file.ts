import { portRangeSchema } from '@longhaul/contracts';
import { parse, stringify, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { CliError } from './errors.js';
import { findOne } from './find.js';
import type { ApiRule } from './operations.js';

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
});

const fileSchema = z.strictObject({
  /** Revision that the file was taken from; saving over a later one is a conflict. */
  revision: z.int().min(1).nullable().optional(),
  rules: z.array(ruleSchema),
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
    if (error instanceof YAMLParseError) throw new CliError(`${path}: ${error.message.trim()}`);
    throw error;
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path: field, message }) => `  ${fieldName(field)}: ${message}`);
  throw new CliError(`${path}:\n${faults.join('\n')}`);
}

const fieldName = (field: readonly PropertyKey[]): string =>
  field
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '') || 'the file';

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
  const siteIds = selector.sites.map((wanted) => findOne('site', wanted, sites, ({ name }) => name).id);
  return { siteIds, labels: selector.labels, prefixes: selector.prefixes };
}

/** The file for a policy. Ids are left out where the names tell rules apart. */
export function formatPolicyFile(
  revision: number | null,
  rules: readonly ApiRule[],
  sites: readonly NamedSite[],
): string {
  const idOfName = uniqueIds(rules);
  return stringify({
    revision,
    rules: rules.map((rule) => toFileRule(rule, sites, !idOfName.has(rule.name))),
  });
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
  };
  return Object.fromEntries(Object.entries(whole).filter(([field, value]) => !isDefault(field, value)));
}

function toFileSelector({ siteIds, labels, prefixes }: ApiRule['source'], sites: readonly NamedSite[]) {
  const nameOf = (id: string): string => sites.find((site) => site.id === id)?.name ?? id;
  const lists = { sites: siteIds.map(nameOf), labels, prefixes };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

const DEFAULTS = ruleSchema.parse({ name: 'x', priority: 0, action: 'pass' });

function isDefault(field: string, value: unknown): boolean {
  if (field === 'name' || field === 'priority' || field === 'action' || field === 'id') return false;
  if (field === 'source' || field === 'destination') return Object.keys(value ?? {}).length === 0;
  return JSON.stringify(value) === JSON.stringify(DEFAULTS[field as keyof FileRule]);
}

/** What saving `next` over `present` changes, one line a rule. */
export function describeChanges(
  present: readonly ApiRule[],
  next: readonly (Omit<ApiRule, 'id'> & { readonly id?: string })[],
): string[] {
  const before = new Map(present.map((rule) => [rule.id, rule]));
  const kept = new Set(next.map(({ id }) => id));
  const lines = next.flatMap((rule) => {
    const old = before.get(rule.id ?? '');
    if (old === undefined) return [`+ ${rule.name}`];
    const changed = changedFields(old, rule);
    return changed.length === 0 ? [] : [`~ ${rule.name} (${changed.join(', ')})`];
  });
  const removed = present.filter(({ id }) => !kept.has(id)).map(({ name }) => `- ${name}`);
  const order = (rules: readonly { readonly id?: string }[], ids: ReadonlySet<string | undefined>) =>
    rules
      .map(({ id }) => id)
      .filter((id) => ids.has(id))
      .join();
  const ids = new Set(present.map(({ id }) => id).filter((id) => kept.has(id)));
  const moved = order(present, ids) === order(next, ids) ? [] : ['~ the order of rules'];
  return [...lines, ...removed, ...moved];
}

function changedFields(old: ApiRule, next: Omit<ApiRule, 'id'>): string[] {
  const fields = Object.keys(old).filter((field) => field !== 'id') as (keyof Omit<ApiRule, 'id'>)[];
  return fields.filter((field) => stable(old[field]) !== stable(next[field]));
}

/** Equal text for equal values, whatever the order of their keys. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
