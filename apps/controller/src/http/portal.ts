import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** The built portal. */
const PORTAL_DIR = fileURLToPath(new URL('../../../portal/dist', import.meta.url));

/** Names of built files carry a hash of their content. */
const HASHED = /[/\\]assets[/\\]/;
const FOREVER = 'public, max-age=31536000, immutable';
const ALWAYS_ASK = 'no-cache';

/** Paths that are not pages. */
const NOT_PAGES = /^\/(api|auth|graphql|live|healthz|readyz|metrics)(\/|$)/;

const NOT_BUILT = 'The portal is not built: run "npm run build". The API is at /graphql.\n';

/** Serves the portal's files, and its one page for every path that a person may have in the address bar. */
export const servePortal = (app: NestExpressApplication, directory = PORTAL_DIR): void => {
  app.useStaticAssets(directory, {
    index: false,
    setHeaders: (response: ServerResponse, path: string) => {
      response.setHeader('Cache-Control', HASHED.test(path) ? FOREVER : ALWAYS_ASK);
    },
  });
  app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (!isPage(request)) next();
    else void sendPage(join(directory, 'index.html'), response);
  });
};

const isPage = ({ method, url = '/' }: IncomingMessage): boolean => {
  const path = url.replace(/\?.*$/, '');
  const isFile = /\.[a-z0-9]+$/i.test(path);
  return (method === 'GET' || method === 'HEAD') && !NOT_PAGES.test(path) && !isFile;
};

const sendPage = async (file: string, response: ServerResponse): Promise<void> => {
  const page = await readFile(file).catch(() => undefined);
  const type = page === undefined ? 'text/plain' : 'text/html';
  response.statusCode = page === undefined ? 503 : 200;
  response.setHeader('Content-Type', `${type}; charset=utf-8`);
  response.setHeader('Cache-Control', ALWAYS_ASK);
  response.end(page ?? NOT_BUILT);
};
