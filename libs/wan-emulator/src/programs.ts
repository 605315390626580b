import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a program that `npm run build` has built; throws an Error that says how to build it. */
export function programPath(program: 'wan-emulator' | 'wan-traffic'): string {
  const path = fileURLToPath(new URL(`../build/${program}`, import.meta.url));
  if (!existsSync(path)) {
    throw new Error(
      `${program} is not built: run npm run build -w @longhaul/wan-emulator (needs a C compiler)`,
    );
  }
  return path;
}
