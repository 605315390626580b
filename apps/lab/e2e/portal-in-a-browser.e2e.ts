import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TwoSiteFleet } from '../src/fleet/two-site-fleet.js';
import { endFleet, startFleet } from './fleet.js';

const CHECKS = fileURLToPath(new URL('../../portal/e2e/run.mjs', import.meta.url));

let fleet: TwoSiteFleet;
let stateDir: string;

beforeAll(async () => {
  ({ fleet, stateDir } = await startFleet());
});
afterAll(() => endFleet(fleet, stateDir));

describe('the portal in a real Chromium', () => {
  it('passes its checks against a controller with two live agents, axe among them', async () => {
    const { url, admin } = fleet.controlPlane;
    const env = {
      ...process.env,
      PORTAL_URL: url,
      PORTAL_EMAIL: admin.email,
      PORTAL_PASSWORD: admin.password,
    };
    const said = await new Promise<string>((resolve) => {
      execFile(process.execPath, [CHECKS], { env }, (error, stdout, stderr) => {
        resolve(`${stdout}${stderr}${error === null ? '' : `exit ${String(error.code)}`}`);
      });
    });
    expect(said).toMatch(/[1-9]\d* passed, 0 failed\s*$/);
  });
});
