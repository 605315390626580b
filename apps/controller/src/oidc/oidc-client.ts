import * as oidc from 'openid-client';
import type { OidcSettings } from '../config/oidc-settings.js';
import { OidcError } from './oidc-error.js';

/** How long the provider may take to answer, in seconds. */
const TIMEOUT_S = 10;

/** Who somebody is, as the provider says. */
export interface OidcIdentity {
  /** `<issuer> <subject>`: what never changes. */
  readonly identity: string;
  /** In lower case. */
  readonly email: string;
  readonly emailVerified: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What has to be remembered between the way to the provider and the way back. */
export interface OidcFlow {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/**
 * The authorization code flow (OpenID Connect Core 1.0, 3.1) with PKCE (RFC 7636, S256), state and nonce. The provider's
 * metadata is fetched when it is first needed; while it cannot be had, each sign-in tries again.
 */
export class OidcClient {
  private configuration: Promise<oidc.Configuration> | undefined;

  constructor(
    private readonly settings: OidcSettings,
    private readonly redirectUri: string,
  ) {}

  /** Where to send the browser. @throws OidcError unavailable */
  async begin(): Promise<{ url: URL; flow: OidcFlow }> {
    const configuration = await this.discover();
    const flow = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      codeVerifier: oidc.randomPKCECodeVerifier(),
    };
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirectUri,
      scope: this.settings.scopes,
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(flow.codeVerifier),
      code_challenge_method: 'S256',
    });
    return { url, flow };
  }

  /**
   * Takes what the browser came back with.
   *
   * @param query of the address that it came back to
   * @throws OidcError
   */
  async finish(query: string, flow: OidcFlow): Promise<OidcIdentity> {
    const configuration = await this.discover();
    try {
      const tokens = await oidc.authorizationCodeGrant(
        configuration,
        new URL(`${this.redirectUri}${query}`),
        {
          expectedState: flow.state,
          expectedNonce: flow.nonce,
          pkceCodeVerifier: flow.codeVerifier,
          idTokenExpected: true,
        },
      );
      const idToken = tokens.claims();
      if (idToken === undefined) throw new Error('there is no ID token');
      return toIdentity(await this.withUserInfo(configuration, tokens.access_token, idToken));
    } catch (error) {
      if (error instanceof OidcError) throw error;
      throw new OidcError('refused', `the provider's answer is not good: ${describe(error)}`, {
        cause: error,
      });
    }
  }

  /** Providers may keep e-mail address and groups out of the ID token (Core 1.0, 5.4). */
  private async withUserInfo(
    configuration: oidc.Configuration,
    accessToken: string,
    idToken: oidc.IDToken,
  ): Promise<oidc.IDToken> {
    if (configuration.serverMetadata().userinfo_endpoint === undefined) return idToken;
    return { ...(await oidc.fetchUserInfo(configuration, accessToken, idToken.sub)), ...idToken };
  }

  private async discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.settings;
    this.configuration ??= oidc.discovery(
      issuer,
      clientId,
      clientSecret,
      clientSecret === undefined ? oidc.None() : undefined,
      // Settings let http pass on this machine only. The mark is a warning to whoever uses it elsewhere.

      { timeout: TIMEOUT_S, execute: issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [] },
    );
    try {
      return await this.configuration;
    } catch (error) {
      this.configuration = undefined;
      throw new OidcError(
        'unavailable',
        `the provider at ${issuer.href} cannot be used: ${describe(error)}; check LONGHAUL_OIDC_ISSUER and the way there`,
        { cause: error },
      );
    }
  }
}

const toIdentity = (claims: oidc.IDToken): OidcIdentity => {
  const email = claims['email'];
  if (typeof email !== 'string' || !email.includes('@')) {
    throw new OidcError(
      'no-email',
      `the provider says no e-mail address of ${claims.sub}: check LONGHAUL_OIDC_SCOPES`,
    );
  }
  return {
    identity: `${claims.iss} ${claims.sub}`,
    email: email.toLowerCase(),
    emailVerified: claims['email_verified'] === true,
    claims,
  };
};

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
};
