import { createHash } from 'node:crypto';
import {
  compressionSchema,
  idSchema,
  portRangeSchema,
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
  })
  .superRefine((rule, context) => {
    if (rule.application === null) return;
    if (findApplication(rule.application) === undefined) {
      const known = APPLICATIONS.map(({ name }) => name).join(', ');
      context.addIssue({
        code: 'custom',
        path: ['application'],
        message: `"${rule.application}" is not in the catalogue: give ports instead, or one of ${known}`,
      });
    }
    if (rule.ports.length > 0) {
      context.addIssue({ code: 'custom', path: ['ports'], message: 'give either an application or ports' });
    }
  });

export const policyDocumentSchema = z.object({
  rules: z
    .array(policyRuleSchema)
    .max(1000)
    .superRefine((rules, context) => {
      const seen = new Set<string>();
      for (const [index, { id }] of rules.entries()) {
        if (seen.has(id)) {
          context.addIssue({ code: 'custom', path: [index, 'id'], message: `"${id}" is there twice` });
        }
        seen.add(id);
      }
    }),
});

export type RuleAction = z.infer<typeof ruleActionSchema>;
export type Selector = z.infer<typeof selectorSchema>;
export type PolicyRule = z.infer<typeof policyRuleSchema>;
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
