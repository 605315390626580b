import { describe, expect, it } from '@jest/globals';
import { findOne } from './find.js';

const things = [
  { id: 'aaaaaa-1', name: 'one' },
  { id: 'aaaaaa-2', name: 'two' },
  { id: 'bbbbbb-1', name: 'two' },
];
const find = (wanted: string) => findOne('thing', wanted, things, ({ name }) => name).id;

describe('what a name on the command line means', () => {
  it('is an id, a name, or the beginning of an id', () => {
    expect(find('aaaaaa-2')).toBe('aaaaaa-2');
    expect(find('one')).toBe('aaaaaa-1');
    expect(find('bbbbbb')).toBe('bbbbbb-1');
  });

  it('is never guessed', () => {
    expect(() => find('two')).toThrow('aaaaaa-2, bbbbbb-1');
    expect(() => find('aaaaaa')).toThrow('means several');
    expect(() => find('bbbb')).toThrow('there is no thing "bbbb"; there are: one, two, two');
  });
});
