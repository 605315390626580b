import { z } from 'zod';
import { sha256Schema } from './desired-state.js';
import { idSchema, key32Schema, natsUserKeySchema } from './primitives.js';

/** Paths of the agent-facing HTTPS API, all POST with JSON bodies of at most {@link MAX_BODY_BYTES}. */
export const AGENT_API = {
  challenge: '/api/v1/agents/challenge',
  enroll: '/api/v1/agents/enroll',
  renew: '/api/v1/agents/renew',
  rotate: '/api/v1/agents/rotate',
  /** Answers with the bytes of the release's file. */
  release: '/api/v1/agents/release',
} as const;

/** The server refuses a larger body before it parses anything. */
export const MAX_BODY_BYTES = 16_384;

/** `lh_enr_<12 base62>_<43 base64url>`: the id finds the row, the 256-bit secret is stored as SHA-256 only. */
export const enrollmentTokenSchema = z
  .string()
  .regex(
    /^lh_enr_[0-9A-Za-z]{12}_[0-9A-Za-z_-]{43}$/,
    'is not an enrolment token: copy the whole of lh_enr_…',
  );

/** Asks for a challenge to sign with the nkey that the agent made. */
export const challengeRequestSchema = z.object({ natsPublicKey: natsUserKeySchema });
/** 32 random bytes in base64url, valid once and for 60 s. */
export const challengeResponseSchema = z.object({
  challenge: z.string().min(43).max(43),
  expiresAt: z.iso.datetime(),
});

/** What is signed: the challenge behind a label, so that a signature serves for nothing else. */
export const challengeMessage = (purpose: 'enroll' | 'renew' | 'release', challenge: string): string =>
  `longhaul ${purpose} v1\n${challenge}`;

export const enrollRequestSchema = z.object({
  token: enrollmentTokenSchema,
  natsPublicKey: natsUserKeySchema,
  tunnelPublicKey: key32Schema,
  challenge: z.string().min(43).max(43),
  /** Ed25519 signature by the nkey over {@link challengeMessage}, base64. */
  signature: z.string().max(120),
  hostname: z.string().min(1).max(253),
  agentVersion: z.string().max(50),
  /** Addresses at which peers may reach the agent's tunnel port, best first; the controller adds the one that it sees. */
  addresses: z.array(z.string().max(100)).max(8),
  tunnelPort: z.int().min(1).max(65535),
});

/** The agent's credential and where to use it. */
export const credentialSchema = z.object({
  agentId: idSchema,
  organizationId: idSchema,
  siteId: idSchema,
  /** `pending`: wait to be approved; the credential allows `hello` and nothing more. */
  state: z.enum(['pending', 'approved']),
  natsUrls: z.array(z.string()).min(1),
  /** NATS user JWT, to be used with the agent's own nkey seed. */
  natsJwt: z.string(),
  natsJwtExpiresAt: z.iso.datetime(),
  /** The CA that signed the controller's and the NATS server's certificates, PEM. */
  caPem: z.string(),
});

/** Proves the nkey again, also with an expired JWT, and gets a fresh one. */
export const renewRequestSchema = z.object({
  natsPublicKey: natsUserKeySchema,
  challenge: z.string().min(43).max(43),
  signature: z.string().max(120),
});

/** Asks for the file of the release that the agent's desired state names. */
export const releaseRequestSchema = z.object({
  natsPublicKey: natsUserKeySchema,
  challenge: z.string().min(43).max(43),
  /** By the nkey over {@link challengeMessage}, base64. */
  signature: z.string().max(120),
  sha256: sha256Schema,
});

/** Announces new keys, under the old nkey's signature and the new one's: both over {@link rotationMessage}. */
export const rotateRequestSchema = z.object({
  natsPublicKey: natsUserKeySchema,
  challenge: z.string().min(43).max(43),
  signature: z.string().max(120),
  next: z.object({
    natsPublicKey: natsUserKeySchema,
    tunnelPublicKey: key32Schema,
    signature: z.string().max(120),
  }),
});

/** What both nkeys sign: nobody on the way can put in keys of their own. */
export const rotationMessage = (
  challenge: string,
  next: { readonly natsPublicKey: string; readonly tunnelPublicKey: string },
): string => `longhaul rotate v1\n${challenge}\n${next.natsPublicKey}\n${next.tunnelPublicKey}`;

/** Every error of the agent API. */
export const apiErrorSchema = z.object({
  code: z.enum([
    'TOKEN_MALFORMED',
    'TOKEN_UNKNOWN',
    'TOKEN_EXPIRED',
    'TOKEN_REVOKED',
    'TOKEN_USED_UP',
    'CHALLENGE_INVALID',
    'SIGNATURE_INVALID',
    'KEY_IN_USE',
    'RELEASE_UNKNOWN',
    'AGENT_UNKNOWN',
    'AGENT_REVOKED',
    'BAD_REQUEST',
    'RATE_LIMITED',
    'INTERNAL',
  ]),
  /** Says what is wrong and what to do. */
  message: z.string(),
});

export type EnrollRequest = z.infer<typeof enrollRequestSchema>;
export type Credential = z.infer<typeof credentialSchema>;
export type RenewRequest = z.infer<typeof renewRequestSchema>;
export type ReleaseRequest = z.infer<typeof releaseRequestSchema>;
export type RotateRequest = z.infer<typeof rotateRequestSchema>;
export type ApiError = z.infer<typeof apiErrorSchema>;
