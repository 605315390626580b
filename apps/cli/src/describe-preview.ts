import type { Preview } from './operations.js';

const SIGNS = { ADDED: '+', REMOVED: '-', CHANGED: '~', MOVED: '~' } as const;

/** Whether there is anything to save. */
export const isChange = ({ changes, forwardsChanged, testsChanged }: Preview): boolean =>
  changes.length > 0 || forwardsChanged || testsChanged;

/** What changes in the policy itself, one line each. */
export const describeChanges = ({ changes, forwardsChanged, testsChanged }: Preview): string[] => [
  ...changes.map(({ kind, name, fields }) => `${SIGNS[kind]} ${name}${detail(kind, fields)}`),
  ...(forwardsChanged ? ['~ forwards'] : []),
  ...(testsChanged ? ['~ tests'] : []),
];

const detail = (kind: Preview['changes'][number]['kind'], fields: readonly string[]): string => {
  if (kind === 'MOVED') return ' (its place)';
  return fields.length === 0 ? '' : ` (${fields.join(', ')})`;
};

/** What follows from it. */
export const describeEffects = ({ agents, tests, flowsExamined, flowsChanged }: Preview): string[] => [
  agents.length === 0
    ? 'No agent gets a new desired state.'
    : `New desired states: ${agents.map(({ agent }) => `${agent.hostname} (${agent.site.name})`).join(', ')}.`,
  ...(flowsExamined === 0
    ? []
    : [`${flowsChanged} of the ${flowsExamined} newest connections would be treated otherwise.`]),
  ...tests.filter(({ passed }) => !passed).map(describeTest),
];

export const describeTest = ({ name, passed, expected, actual }: Preview['tests'][number]): string =>
  passed
    ? `ok    ${name}`
    : `FAIL  ${name}: must be ${expected.toLowerCase()}, but ${actual} (it blocks the change)`;
