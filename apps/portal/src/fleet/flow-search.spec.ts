import { expect, it } from 'vitest';
import { parseFlowSearch } from './flow-search.js';

it.each([
  ['', {}],
  ['443', { destinationPort: 443 }],
  [' :443 ', { destinationPort: 443 }],
  ['10.1.2.3', { address: '10.1.2.3' }],
  ['10.1.2.3:443', { address: '10.1.2.3', destinationPort: 443 }],
  ['fd00::1', { address: 'fd00::1' }],
  ['[fd00::1]:22', { address: 'fd00::1', destinationPort: 22 }],
  ['10.1.', undefined],
  ['10.1.2.3:', undefined],
  ['10.1.2.3:99999', undefined],
  ['99999', undefined],
  ['server', undefined],
])('reads “%s”', (typed, filter) => {
  expect(parseFlowSearch(typed)).toEqual(filter);
});
