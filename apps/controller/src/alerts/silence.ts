import { z } from 'zod';

/** Longer silences are forgotten: a rule that nobody wants to hear of is to be switched off. */
const MAX_SILENCE_MS = 90 * 24 * 3600 * 1000;

/** Until when; null or nothing ends a silence. */
export const silenceSchema = z.object({
  until: z
    .date()
    .refine((date) => date.getTime() > Date.now(), 'must be in the future')
    .refine((date) => date.getTime() <= Date.now() + MAX_SILENCE_MS, 'must be within 90 days')
    .nullish()
    .transform((date) => date ?? null),
});
