import { addressSchema, idSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { parseInput } from '../graphql/validation.js';

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-29T12:00:00Z' })
  .transform((text) => new Date(text));

const subject = { siteId: idSchema.optional(), agentId: idSchema.optional() };

const flowsSchema = z.strictObject({
  ...subject,
  from: time.optional(),
  to: time.optional(),
  address: addressSchema.optional(),
  destinationPort: z.coerce.number().int().min(1).max(65_535).optional(),
  handling: z.enum(['accelerated', 'passed', 'refused']).optional(),
});

const telemetrySchema = z.strictObject({
  ...subject,
  linkId: idSchema.optional(),
  from: time,
  to: time.optional(),
  maxPoints: z.coerce.number().int().optional(),
});

export type FlowsExport = z.output<typeof flowsSchema>;
export type TelemetryExport = z.output<typeof telemetrySchema>;

/** @throws ApiError BAD_INPUT that names every problem */
export const parseFlowsExport = (search: URLSearchParams): FlowsExport =>
  parseInput(flowsSchema, Object.fromEntries(search));

/** @throws ApiError BAD_INPUT that names every problem */
export const parseTelemetryExport = (search: URLSearchParams): TelemetryExport =>
  parseInput(telemetrySchema, Object.fromEntries(search));
