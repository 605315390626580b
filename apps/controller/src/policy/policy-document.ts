import { createHash } from 'node:crypto';
import {
  addressSchema,
  compressionSchema,
  idSchema,
  portRangeSchema,
  portSchema,
  rateLimitMbpsSchema,
  trafficClassSchema,
  whenPeerDownSchema,
} from '@longhaul/contracts';
import { z } from 'zod';
import { APPLICATIONS, findApplication } from './applications.js';
import { Prefix } from './prefix.js';

/** An address block in canonical form. */
export const prefixTextSchema = z.string().transform((text, context) => {
  try {
    return Prefix.parse(text.trim()).toString();
  } catch (error) {
    context.addIssue(error instanceof RangeError ? error.message : 'is not an address block');
    return z.NEVER;
  }
});

/** A word by which sites are chosen. */
export const labelSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,62}$/,
    'must be 1 to 63 letters, digits or . _ : / = - and begin with a letter or digit',
  );

/** Which traffic. An empty selector means any; sites are those named and those with any of the labels. */
export const selectorSchema = z.object({
  siteIds: z.array(idSchema).max(1000).default([]),
  labels: z.array(labelSchema).max(100).default([]),
  prefixes: z.array(prefixTextSchema).max(200).default([]),
});

export const ruleActionSchema = z.enum(['accelerate', 'pass', 'deny']);

export const policyRuleSchema = z
  .object({
    id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,35}$/, 'must be 1 to 36 letters, digits or hyphens'),
    name: z.string().trim().min(1, 'must not be empty').max(100),
    /** Rules are asked from the lowest to the highest; of equals, the one that stands first. */
    priority: z.int().min(0).max(1_000_000),
    enabled: z.boolean().default(true),
    source: selectorSchema,
    destination: selectorSchema,
    /** By its name in the catalogue. */
    application: z.string().nullable().default(null),
    /** Empty: any port, unless an application is named. */
    ports: z.array(portRangeSchema).max(50).default([]),
    action: ruleActionSchema,
    compression: compressionSchema.default('auto'),
    class: trafficClassSchema.default('bulk'),
    weight: z.int().min(1).max(100).default(10),
    whenPeerDown: whenPeerDownSchema.default('pass'),
    /** Mbit/s each way, at each agent where connections begin; null: no limit. */
    rateLimitMbps: rateLimitMbpsSchema.nullable().default(null),
  })
  .superRefine((rule, context) => {
    if (rule.rateLimitMbps !== null && rule.action !== 'accelerate') {
      context.addIssue({
        code: 'custom',
        path: ['rateLimitMbps'],
        params: { code: 'LIMIT_WITHOUT_ACCELERATION' },
        message: 'needs the action accelerate: other connections do not go through an agent',
      });
    }
    if (rule.application === null) return;
    if (findApplication(rule.application) === undefined) {
      const known = APPLICATIONS.map(({ name }) => name).join(', ');
      context.addIssue({
        code: 'custom',
        path: ['application'],
        params: { code: 'UNKNOWN_APPLICATION' },
        message: `"${rule.application}" is not in the catalogue: give ports instead, or one of ${known}`,
      });
    }
    if (rule.ports.length > 0) {
      context.addIssue({
        code: 'custom',
        path: ['ports'],
        params: { code: 'APPLICATION_AND_PORTS' },
        message: 'give either an application or ports',
      });
    }
  });

/** A port of a site's agents whose connections the agent of another site opens to one address there. */
export const policyForwardSchema = z
  .object({
    name: z.string().trim().min(1, 'must not be empty').max(100),
    /** Whose agents listen. */
    siteId: idSchema,
    listenAddress: addressSchema,
    listenPort: portSchema,
    /** Whose agent opens the connection. */
    destinationSiteId: idSchema,
    targetAddress: addressSchema,
    targetPort: portSchema,
    compression: compressionSchema.default('auto'),
    class: trafficClassSchema.default('bulk'),
    weight: z.int().min(1).max(100).default(10),
    whenPeerDown: whenPeerDownSchema.default('pass'),
    rateLimitMbps: rateLimitMbpsSchema.nullable().default(null),
  })
  .refine(({ siteId, destinationSiteId }) => siteId !== destinationSiteId, {
    path: ['destinationSiteId'],
    message: 'is the listening site itself: name another one',
  });

/** A connection, and what the policy has to make of it; a revision that makes something else of it is refused. */
export const policyTestSchema = z.object({
  name: z.string().trim().min(1, 'must not be empty').max(100),
  /** Address of the client; it belongs to the LAN of a site. */
  source: addressSchema,
  destination: addressSchema,
  port: portSchema,
  /** `none`: no rule matches, the kernel keeps it. */
  expect: z.enum(['accelerate', 'pass', 'deny', 'none']),
  /** Id or name of the rule that has to decide; null: any. */
  rule: z.string().max(100).nullable().default(null),
});

/** Reports, for each item after the first of one key, where it stands. */
const noneTwice =
  <Item>(field: string, keyOf: (item: Item) => string, message: (key: string) => string) =>
  (items: readonly Item[], context: z.RefinementCtx): void => {
    const seen = new Set<string>();
    for (const [index, item] of items.entries()) {
      const key = keyOf(item);
      if (seen.has(key)) {
        context.addIssue({
          code: 'custom',
          path: [index, field],
          params: { code: 'DUPLICATE' },
          message: message(key),
        });
      }
      seen.add(key);
    }
  };

export const policyDocumentSchema = z.object({
  rules: z
    .array(policyRuleSchema)
    .max(1000)
    .superRefine(
      noneTwice(
        'id',
        ({ id }) => id,
        (id) => `"${id}" is there twice`,
      ),
    ),
  forwards: z
    .array(policyForwardSchema)
    .max(200)
    .superRefine(
      noneTwice(
        'listenPort',
        ({ siteId, listenAddress, listenPort }) => `${siteId} ${listenAddress} ${String(listenPort)}`,
        () => 'is taken by another forward of this site: choose another port',
      ),
    )
    .default([]),
  tests: z
    .array(policyTestSchema)
    .max(500)
    .superRefine(
      noneTwice(
        'name',
        ({ name }) => name,
        (name) => `"${name}" is there twice`,
      ),
    )
    .default([]),
});

export type RuleAction = z.infer<typeof ruleActionSchema>;
export type Selector = z.infer<typeof selectorSchema>;
export type PolicyRule = z.infer<typeof policyRuleSchema>;
export type PolicyForward = z.infer<typeof policyForwardSchema>;
export type PolicyTest = z.infer<typeof policyTestSchema>;
export type PolicyDocument = z.infer<typeof policyDocumentSchema>;

/** JSON with the keys of every object in order: equal values give equal text. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sortKeys(value));

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortKeys(member)]),
  );
};

/** SHA-256 of the canonical text, hexadecimal. */
export const canonicalSha256 = (value: unknown): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex');
