import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Whom an identity provider lets into one organization, and as what. */
const accessSchema = z.strictObject({
  /** Id of the organization, or `provider`: the one of the first start. */
  organization: z.union([z.literal('provider'), z.uuid('must be the id of an organization, or "provider"')]),
  /** Of e-mail addresses; nobody of another domain is let in, or linked to an account there. */
  domains: z
    .array(
      z
        .string()
        .trim()
        .toLowerCase()
        .regex(/^[a-z0-9.-]+$/, 'must be a domain such as acme.example'),
    )
    .min(1),
  /** Whose values are looked up in `roles`. */
  claim: z.string().min(1).default('groups'),
  /** Role by value of the claim; the highest of them counts. */
  roles: z.record(z.string(), z.enum(['OWNER', 'ADMIN', 'OPERATOR', 'VIEWER'])).default({}),
  /** Of whoever has none of these; without it they are not let in. */
  defaultRole: z.enum(['OWNER', 'ADMIN', 'OPERATOR', 'VIEWER']).optional(),
});

const accessFileSchema = z.strictObject({ organizations: z.array(accessSchema).min(1) });

export type OidcAccess = z.output<typeof accessSchema>;

/** The identity provider by which people sign in, besides passwords. */
export interface OidcSettings {
  readonly issuer: URL;
  readonly clientId: string;
  /** Undefined: a public client, which PKCE alone protects. */
  readonly clientSecret: string | undefined;
  /** What the button says: "Sign in with …". */
  readonly name: string;
  readonly scopes: string;
  readonly access: readonly OidcAccess[];
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

/** What the environment says of OpenID Connect. */
export const oidcEnvironment = {
  LONGHAUL_OIDC_ISSUER: z
    .url('must be the URL of an OpenID Connect provider')
    .transform((text) => new URL(text))
    .refine(
      ({ protocol, hostname }) => protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)),
      'must be an https:// URL (http:// on this machine only)',
    )
    .optional(),
  LONGHAUL_OIDC_CLIENT_ID: z.string().optional(),
  LONGHAUL_OIDC_CLIENT_SECRET: z.string().optional(),
  LONGHAUL_OIDC_CLIENT_SECRET_FILE: z.string().optional(),
  LONGHAUL_OIDC_NAME: z.string().trim().min(1).max(40).default('single sign-on'),
  LONGHAUL_OIDC_SCOPES: z
    .string()
    .refine((scopes) => scopes.split(/\s+/).includes('openid'), 'must hold openid')
    .default('openid email profile'),
  LONGHAUL_OIDC_ACCESS_FILE: z.string().optional(),
} as const;

type OidcEnvironment = z.output<z.ZodObject<typeof oidcEnvironment>>;

/** @throws Error of one line that names the setting and says what to do */
export const readOidcSettings = (values: OidcEnvironment): OidcSettings | undefined => {
  const issuer = values.LONGHAUL_OIDC_ISSUER;
  if (issuer === undefined) return undefined;
  const clientId = values.LONGHAUL_OIDC_CLIENT_ID;
  if (clientId === undefined) {
    throw new Error('LONGHAUL_OIDC_CLIENT_ID is not set: give the id that the provider knows Longhaul by');
  }
  const secretFile = values.LONGHAUL_OIDC_CLIENT_SECRET_FILE;
  return {
    issuer,
    clientId,
    clientSecret:
      secretFile === undefined
        ? values.LONGHAUL_OIDC_CLIENT_SECRET
        : readText('LONGHAUL_OIDC_CLIENT_SECRET_FILE', secretFile).trim(),
    name: values.LONGHAUL_OIDC_NAME,
    scopes: values.LONGHAUL_OIDC_SCOPES,
    access: readAccess(values.LONGHAUL_OIDC_ACCESS_FILE),
  };
};

const readAccess = (file: string | undefined): readonly OidcAccess[] => {
  const setting = 'LONGHAUL_OIDC_ACCESS_FILE';
  if (file === undefined) {
    throw new Error(`${setting} is not set: name the JSON file that says whom the provider lets in where`);
  }
  const text = readText(setting, file);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error(`${setting}: ${file} is not JSON`);
  }
  const parsed = accessFileSchema.safeParse(content);
  if (parsed.success) return parsed.data.organizations;
  throw new Error(
    parsed.error.issues.map(({ path, message }) => `${setting}: ${path.join('.')} ${message}`).join('\n'),
  );
};

const readText = (setting: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new Error(`${setting}: ${file} cannot be read (${code})`, { cause: error });
  }
};
