import { formatDuration, parseDuration } from './duration.js';

test.each([
  ['0s', 0],
  ['90s', 90],
  ['5m', 300],
  ['4h', 14_400],
  ['2d', 172_800],
])('%s is %i seconds, and the other way round', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
  expect(formatDuration(seconds)).toBe(text);
});

test.each(['', '5', 'm', '-5m', '1.5h', '5 m', '5w', '12345678s'])('"%s" is refused', (text) => {
  expect(() => parseDuration(text)).toThrow(/90s/);
});
