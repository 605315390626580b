import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SessionsService } from '../auth/sessions.service.js';

/** Of a browser that is on its way to the identity provider and back. */
export const FLOW_COOKIE = '__Host-longhaul-oidc';
/** Long enough for a password, a second factor and a call to the help desk, in milliseconds. */
const FLOW_LIFE_MS = 15 * 60_000;

const flowSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  /** The page to be at in the end. */
  next: z.string(),
  expiresAtMs: z.number(),
});

export type Flow = Omit<z.output<typeof flowSchema>, 'expiresAtMs'>;
type Sealer = Pick<SessionsService, 'hashOf'>;

const macOf = (payload: string, sealer: Sealer): Buffer => sealer.hashOf(`oidc flow\n${payload}`);

/** The flow is kept in the browser that began it: only there the provider's answer is good for anything. */
export const sealFlow = (flow: Flow, sealer: Sealer): string => {
  const content = { ...flow, expiresAtMs: Date.now() + FLOW_LIFE_MS };
  const payload = Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${payload}.${macOf(payload, sealer).toString('base64url')}`;
};

/** Undefined: forged, damaged or too old. */
export const unsealFlow = (sealed: string, sealer: Sealer): Flow | undefined => {
  const [payload = '', mac = ''] = sealed.split('.');
  const given = Buffer.from(mac, 'base64url');
  const expected = macOf(payload, sealer);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const flow = flowSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  return flow.expiresAtMs < Date.now() ? undefined : flow;
};

/** Sets the cookie; an empty value ends it. Lax: the way back is a navigation from another site. */
export const flowCookie = (value: string): string =>
  `${FLOW_COOKIE}=${value}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=${value === '' ? '0' : String(FLOW_LIFE_MS / 1000)}`;
