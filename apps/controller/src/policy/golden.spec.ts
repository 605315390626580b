import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { desiredStateSchema } from '@longhaul/contracts';
import { z } from 'zod';
import { compileFleet } from './compile.js';
import type { Fleet } from './fleet.js';
import { policyDocumentSchema } from './policy-document.js';

/**
 * Fleets in `golden/NAME.fleet.json`, and what each of their agents gets in `golden/NAME.desired.json`. A change of the
 * compiler shows as a change of the latter: look at it, then write it by
 * `UPDATE_GOLDEN=1` before the command that runs this spec, and format it by `npm run format`.
 */
const DIRECTORY = fileURLToPath(new URL('./golden/', import.meta.url));
const names = readdirSync(DIRECTORY).flatMap((file) => /^(.+)\.fleet\.json$/.exec(file)?.[1] ?? []);
const update = process.env['UPDATE_GOLDEN'] !== undefined;

const read = (name: string): unknown => JSON.parse(readFileSync(`${DIRECTORY}${name}.json`, 'utf8'));

/** Rules are written with their defaults left out; the rest is a fleet as it is. */
const policySchema = z.looseObject({ document: policyDocumentSchema });
const fixtureSchema = z.looseObject({
  policies: z.array(policySchema),
  candidate: z.looseObject({ policy: policySchema }).optional(),
  presharedKeys: z.record(z.string(), z.string()),
});

const readFleet = (name: string): Fleet => {
  const fixture = fixtureSchema.parse(read(`${name}.fleet`));
  return {
    ...fixture,
    presharedKeys: new Map(Object.entries(fixture.presharedKeys)),
  } as unknown as Fleet;
};

test.each(names)('%s compiles to what is recorded, and agents accept it', (name) => {
  const compiled = Object.fromEntries(compileFleet(readFleet(name)));
  if (update) writeFileSync(`${DIRECTORY}${name}.desired.json`, JSON.stringify(compiled));
  expect(compiled).toEqual(read(`${name}.desired`));
  for (const content of Object.values(compiled)) {
    desiredStateSchema.parse({ ...content, epoch: 1, generation: 1, policyRevision: null });
  }
});

test('the same fleet compiles to the same, and is left as it was', () => {
  for (const name of names) {
    const fleet = readFleet(name);
    const first = JSON.stringify([...compileFleet(fleet)]);
    expect(JSON.stringify([...compileFleet(fleet)])).toBe(first);
    expect(fleet).toEqual(readFleet(name));
  }
});
