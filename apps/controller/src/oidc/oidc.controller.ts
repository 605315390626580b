import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Inject, Logger, Req, Res } from '@nestjs/common';
import { parseCookie, sessionCookie } from '../auth/credentials.js';
import { SESSION_LIFE_MS, SessionsService } from '../auth/sessions.service.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import { FLOW_COOKIE, flowCookie, sealFlow, unsealFlow } from './flow-cookie.js';
import { OidcClient } from './oidc-client.js';
import { OidcError } from './oidc-error.js';
import { clientAddress } from '../http/client-address.js';
import { OidcSignIn } from './oidc-sign-in.service.js';

export const OIDC_START_PATH = '/auth/oidc/start';
const CALLBACK_PATH = '/auth/oidc/callback';

/** The way to the identity provider and back. */
@Controller()
export class OidcController {
  private readonly logger = new Logger(OidcController.name);
  private readonly client: OidcClient | undefined;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly signIn: OidcSignIn,
    private readonly sessions: SessionsService,
  ) {
    const { oidc, publicUrl } = settings;
    if (oidc !== undefined) this.client = new OidcClient(oidc, `${publicUrl}${CALLBACK_PATH}`);
  }

  /** Sends the browser to the provider; `next` is the page to be at in the end. */
  @Get(OIDC_START_PATH)
  async start(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    await this.orExplain(response, async (client) => {
      const next = ownPath(queryOf(request).get('next'));
      const { url, flow } = await client.begin();
      response.appendHeader('Set-Cookie', flowCookie(sealFlow({ ...flow, next }, this.sessions)));
      redirect(response, url.href);
    });
  }

  @Get(CALLBACK_PATH)
  async callback(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    response.appendHeader('Set-Cookie', flowCookie(''));
    await this.orExplain(response, async (client) => {
      const sealed = parseCookie(FLOW_COOKIE, request.headers.cookie);
      const flow = sealed === undefined ? undefined : unsealFlow(sealed, this.sessions);
      if (flow === undefined) {
        throw new OidcError('expired', 'the browser came back without a sign-in that it began here lately');
      }
      const identity = await client.finish(`?${queryOf(request).toString()}`, flow);
      const { token } = await this.signIn.signIn(identity, this.settings.oidc?.access ?? [], {
        origin: clientAddress(request),
        userAgent: request.headers['user-agent'],
      });
      response.appendHeader('Set-Cookie', sessionCookie(token, SESSION_LIFE_MS / 1000));
      redirect(response, flow.next);
    });
  }

  /** What goes wrong is told on the page for signing in. */
  private async orExplain(
    response: ServerResponse,
    work: (client: OidcClient) => Promise<void>,
  ): Promise<void> {
    try {
      if (this.client === undefined) throw new OidcError('unavailable', 'LONGHAUL_OIDC_ISSUER is not set');
      await work(this.client);
    } catch (error) {
      if (!(error instanceof OidcError)) throw error;
      this.logger.warn(`nobody was signed in by OpenID Connect: ${error.message}`);
      redirect(response, `/sign-in?problem=${error.problem}`);
    }
  }
}

const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams =>
  new URL(url, 'https://controller.invalid').searchParams;

const redirect = (response: ServerResponse, location: string): void => {
  response.statusCode = 302;
  response.setHeader('Location', location);
  response.setHeader('Cache-Control', 'no-store');
  response.end();
};

/** Only a path of the portal: never an address that a link from elsewhere could lead to. */
const ownPath = (path: string | null): string =>
  path !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.includes('\\') ? path : '/';
