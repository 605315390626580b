import { describe, expect, it } from 'vitest';
import { SEQUENCE_MS, ShortcutReader } from './shortcuts.js';

describe('keyboard shortcuts', () => {
  const read = (...keys: string[]): (string | undefined)[] => {
    const reader = new ShortcutReader();
    return keys.map((key, index) => reader.read(key, index * 100));
  };

  it('are two keys after each other', () => {
    expect(read('g', 'p')).toEqual([undefined, 'policy']);
    expect(read('x', 'g', 'f')).toEqual([undefined, undefined, 'fleet']);
  });

  it('do not take the end of one for the start of another', () => {
    expect(read('g', 'e', 'p')).toEqual([undefined, 'enrol', undefined]);
    expect(read('g', 'x', 'p')).toEqual([undefined, undefined, undefined]);
  });

  it('may be one key', () => {
    expect(read('?')).toEqual(['help']);
  });

  it('forget the first key after a while', () => {
    const reader = new ShortcutReader();
    reader.read('g', 0);
    expect(reader.read('p', SEQUENCE_MS + 1)).toBeUndefined();
  });
});
