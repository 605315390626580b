import {
  cipherSuiteSchema,
  classWeightSchema,
  compressionSchema,
  endpointSchema,
  key32Schema,
  DEFAULT_CLASS_WEIGHTS,
  portRangeSchema,
  portSchema,
  prefixSchema,
  profileSchema,
  rateLimitMbpsSchema,
  trafficClassSchema,
  whenPeerDownSchema,
} from '@longhaul/contracts';
import { isIP } from 'node:net';
import { z } from 'zod';
import { MAX_DATA_PLANE_WORKERS } from '../data-plane/worker-count.js';

const SOCKET_ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/;

/** `ip:port` or `[v6]:port`. */
const socketAddressSchema = z.string().transform((text, context) => {
  const [, v6, v4, port] = SOCKET_ADDRESS.exec(text) ?? [];
  const address = v6 ?? v4 ?? '';
  if (isIP(address) === 0 || !portSchema.safeParse(Number(port)).success) {
    context.addIssue({ code: 'custom', message: 'must be ip:port, with an IPv6 address in [brackets]' });
    return z.NEVER;
  }
  return { address, port: Number(port) };
});

const nameSchema = z.string().min(1).max(100);

/** A port, or a range as "8000-8100". */
const portsSchema = z
  .union([portSchema, z.string().regex(/^\d{1,5}-\d{1,5}$/, 'must be a port or "from-to"')])
  .transform((value, context) => {
    const [from, to = from] = typeof value === 'number' ? [value] : value.split('-').map(Number);
    const range = portRangeSchema.safeParse({ from, to });
    if (range.success) return range.data;
    context.addIssue({ code: 'custom', message: 'must be ports from 1 to 65535, the lower one first' });
    return z.NEVER;
  });

const treatmentShape = {
  class: trafficClassSchema.default('bulk'),
  weight: z.int().min(1).max(100).default(1),
  compression: compressionSchema.default('auto'),
  whenPeerDown: whenPeerDownSchema.default('pass'),
  rateLimitMbps: rateLimitMbpsSchema.optional(),
};

/** A class that is left out has its default. */
const classWeightsSchema = z
  .strictObject({
    interactive: classWeightSchema.default(DEFAULT_CLASS_WEIGHTS.interactive),
    bulk: classWeightSchema.default(DEFAULT_CLASS_WEIGHTS.bulk),
    scavenger: classWeightSchema.default(DEFAULT_CLASS_WEIGHTS.scavenger),
  })
  .prefault({});

const peerSchema = z.strictObject({
  name: nameSchema,
  publicKey: key32Schema,
  presharedKey: key32Schema.optional(),
  endpoints: z.array(endpointSchema).max(8).default([]),
  profile: profileSchema.default('fair'),
  cipherSuite: cipherSuiteSchema.default('aes-128-gcm'),
  rateMbps: z.number().positive().max(100_000).optional(),
  maxUdpPayload: z.int().min(1200).max(16_384).default(1472),
  classWeights: classWeightsSchema,
});

const forwardSchema = z.strictObject({
  listen: socketAddressSchema,
  peer: nameSchema,
  target: socketAddressSchema,
  ...treatmentShape,
});

const selectorShape = {
  name: nameSchema,
  sources: z.array(prefixSchema).max(1000).default([]),
  destinations: z.array(prefixSchema).max(1000).default([]),
  ports: z.array(portsSchema).max(100).default([]),
};

const ruleSchema = z.discriminatedUnion('action', [
  z.strictObject({ ...selectorShape, action: z.literal('accelerate'), peer: nameSchema, ...treatmentShape }),
  z.strictObject({ ...selectorShape, action: z.literal('pass') }),
  z.strictObject({ ...selectorShape, action: z.literal('deny') }),
]);

const allowSchema = z.strictObject({
  peer: nameSchema,
  prefixes: z.array(prefixSchema).min(1).max(1000),
  ports: z.array(portsSchema).min(1).max(100),
});

/** The file that `longhaul agent run --config` reads; docs/static-config.md describes it. */
export const staticConfigSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores'),
    privateKey: key32Schema.optional(),
    privateKeyFile: z.string().min(1).optional(),
    listen: z.strictObject({ address: z.union([z.ipv4(), z.ipv6()]).default('::'), port: portSchema }),
    memoryMiB: z.int().min(64).max(2047).optional(),
    dataPlaneWorkers: z.int().min(1).max(MAX_DATA_PLANE_WORKERS).optional(),
    peers: z.array(peerSchema).max(10_000).default([]),
    forwards: z.array(forwardSchema).max(1000).default([]),
    rules: z.array(ruleSchema).max(10_000).default([]),
    allow: z.array(allowSchema).max(10_000).default([]),
    intercept: z.boolean().default(false),
  })
  .refine((config) => (config.privateKey === undefined) !== (config.privateKeyFile === undefined), {
    message: 'give either privateKey or privateKeyFile',
    path: ['privateKey'],
  });

export type StaticConfig = z.infer<typeof staticConfigSchema>;
