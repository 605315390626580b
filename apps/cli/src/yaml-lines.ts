import { isNode, LineCounter, parseDocument } from 'yaml';
import type { FieldProblem } from './errors.js';

/** What the API calls otherwise than the file does. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  siteIds: 'sites',
  siteId: 'site',
  destinationSiteId: 'destinationSite',
};

/** The line, from 1, on which a field such as `rules[2].ports[0]` stands, or what is nearest around it. */
export function lineOfField(text: string, field: string): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const steps = stepsOf(field);
  for (let length = steps.length; length > 0; length -= 1) {
    const node = document.getIn(steps.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

const stepsOf = (field: string): (string | number)[] =>
  [...field.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name = '']) =>
    index === undefined ? (FILE_NAMES[name] ?? name) : Number(index),
  );

/** `policy.yaml:12: rules[0].ports[0]: must be …`, a line for each problem. */
export const placed = (text: string, path: string, problems: readonly FieldProblem[]): string =>
  problems
    .map(({ path: field, message }) => `${path}:${String(lineOfField(text, field))}: ${field}: ${message}`)
    .join('\n');
