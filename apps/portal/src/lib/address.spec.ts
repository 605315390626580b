import { describe, expect, it } from 'vitest';
import { completePrefix, formatPorts, isAddress, isPrefix, parsePorts } from './address.js';

describe('address blocks', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '192.168.1.7/32', 'fd00:1::/48', '::/0', '::ffff:10.0.0.1/128'])(
    'takes %s',
    (text) => {
      expect(isPrefix(text)).toBe(true);
    },
  );

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '256.0.0.0/8',
    '010.0.0.0/8',
    'fd00::/129',
    'fd00:::/48',
    '10/8',
    '10.0.0.0/8/8',
    'x/8',
  ])('refuses “%s”', (text) => {
    expect(isPrefix(text)).toBe(false);
  });

  it('makes a block of one of a single address', () => {
    expect(completePrefix('10.0.0.7')).toBe('10.0.0.7/32');
    expect(completePrefix('fd00::7')).toBe('fd00::7/128');
    expect(completePrefix('10.0.0.0/8')).toBe('10.0.0.0/8');
    expect(completePrefix('nonsense')).toBe('nonsense');
  });

  it('does not take a number for an address', () => {
    expect(isAddress('443')).toBe(false);
    expect(isAddress('10.0.0')).toBe(false);
  });
});

describe('ports', () => {
  it('reads ports and ranges, however they are set apart', () => {
    expect(parsePorts('445, 8000-8100;22\n5060')).toEqual([
      { from: 445, to: 445 },
      { from: 8000, to: 8100 },
      { from: 22, to: 22 },
      { from: 5060, to: 5060 },
    ]);
    expect(parsePorts('')).toEqual([]);
  });

  it.each(['0', '65536', '80-', 'http', '100-50', '-1'])('says what is wrong with “%s”', (text) => {
    expect(parsePorts(text)).toHaveProperty('error', expect.stringContaining('“'));
  });

  it('writes what it reads', () => {
    const written = '22, 8000-8100';
    const read = parsePorts(written);
    expect('error' in read ? read.error : formatPorts(read)).toBe(written);
  });
});
