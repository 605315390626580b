import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** What the provider knows of the person at the browser. */
export interface TestPerson {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly groups?: readonly string[];
}

/** A certified OpenID Connect provider on loopback, which lets whoever is `person` in without asking. */
export class OidcServer {
  readonly clientId = 'longhaul';
  readonly clientSecret = randomBytes(24).toString('base64url');
  person: TestPerson = { sub: 'nobody' };

  private constructor(
    private readonly server: Server,
    readonly issuer: string,
  ) {}

  static async start(redirectUri: string): Promise<OidcServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const oidc = new OidcServer(server, `http://127.0.0.1:${String(port)}`);
    oidc.serve(redirectUri);
    return oidc;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(redirectUri: string): void {
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: this.clientId, client_secret: this.clientSecret, redirect_uris: [redirectUri] }],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      pkce: { required: () => true },
      findAccount: (_context, accountId) => ({ accountId, claims: () => ({ ...this.person }) }),
    });
    const serveProvider = provider.callback();
    this.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith('/interaction/') === true) void this.letIn(provider, request, response);
      else void serveProvider(request, response);
    });
  }

  private async letIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const accountId = this.person.sub;
    const grant = new provider.Grant({ accountId, clientId: this.clientId });
    grant.addOIDCScope('openid email profile');
    const grantId = await grant.save();
    await provider.interactionFinished(request, response, { login: { accountId }, consent: { grantId } });
  }
}

/** A browser: follows redirects, and keeps each site's cookies. */
export class TestBrowser {
  private readonly jars = new Map<string, Map<string, string>>();

  /** @param sites addresses by which a name is reached in truth */
  constructor(private readonly sites: Readonly<Record<string, string>>) {}

  /** Goes on until an answer is no redirect, or one that `stopAt` matches; returns the last address. */
  async visit(address: string, stopAt = /^$/): Promise<string> {
    let url = new URL(address);
    for (let hops = 0; hops < 20; hops += 1) {
      if (stopAt.test(url.href)) return url.href;
      const location = await this.ask(url);
      if (location === undefined) return url.href;
      url = new URL(location, url);
    }
    throw new Error(`no end of redirects at ${url.href}`);
  }

  cookie(site: string, name: string): string | undefined {
    return this.jars.get(site)?.get(name);
  }

  setCookie(site: string, name: string, value: string): void {
    this.jars.get(site)?.set(name, value);
  }

  private async ask(url: URL): Promise<string | undefined> {
    const jar = this.jars.get(url.origin) ?? new Map<string, string>();
    this.jars.set(url.origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${this.sites[url.origin] ?? url.origin}${url.pathname}${url.search}`, {
      redirect: 'manual',
      headers: { cookie },
    });
    await answer.text();
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer.headers.get('location') ?? undefined;
  }
}
