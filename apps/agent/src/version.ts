import { readFileSync } from 'node:fs';

/** The package that this file is of, seen from src/ and from dist/: a release of the agent has its version there. */
const PACKAGE_FILE = new URL('../package.json', import.meta.url);

/** Version of the agent, as it reports it. */
export const AGENT_VERSION = (JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version;
