import console from 'node:console';
import process from 'node:process';
import { checkPortal } from './portal-checks.mjs';

const { PORTAL_URL, PORTAL_EMAIL, PORTAL_PASSWORD, PORTAL_CHROMIUM } = process.env;
if (!PORTAL_URL || !PORTAL_EMAIL || !PORTAL_PASSWORD) {
  console.error(
    'Set PORTAL_URL, PORTAL_EMAIL and PORTAL_PASSWORD: where the controller is, and an owner’s login.',
  );
  process.exit(2);
}
const results = await checkPortal({
  url: PORTAL_URL,
  email: PORTAL_EMAIL,
  password: PORTAL_PASSWORD,
  print: console.log,
  ...(PORTAL_CHROMIUM && { chromium: PORTAL_CHROMIUM }),
});
const failed = results.filter(({ passed }) => !passed).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
