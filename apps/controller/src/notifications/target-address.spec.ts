import { isPublicAddress, parseTarget, resolveTarget } from './target-address.js';

const strict = { allowPrivate: false };

test.each([
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '64:ff9b::a00:1',
  '2002:7f00:1::',
  '2001:0:1::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'ff02::1',
  'not an address',
])('%s is not of the public internet', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['1.1.1.1', '93.184.216.34', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
  '%s is',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  ['http://example.com/', /https/],
  ['ftp://example.com/', /https/],
  ['file:///etc/passwd', /https/],
  ['https://user:pw@example.com/', /user or password/],
  ['https://127.0.0.1/', /127\.0\.0\.1/],
  // The same address, as some would write it past a filter.
  ['https://2130706433/', /127\.0\.0\.1/],
  ['https://0x7f.1/', /127\.0\.0\.1/],
  ['https://[::ffff:127.0.0.1]/', /::ffff:/],
  ['https://[fe80::1]/', /fe80::1/],
  ['nonsense', /not a URL/],
])('%s is refused', (url, message) => {
  expect(() => parseTarget(url, strict)).toThrow(message);
});

test('a name that leads inside is refused when it is looked up, and says how to allow it', async () => {
  const url = parseTarget('https://localhost/hook', strict);
  await expect(resolveTarget(url, strict)).rejects.toThrow(/LONGHAUL_WEBHOOK_ALLOW_PRIVATE/);
});

test('both are let through where the controller is set so', async () => {
  const rules = { allowPrivate: true };
  const { address } = await resolveTarget(parseTarget('http://localhost:8080/hook', rules), rules);
  expect(['127.0.0.1', '::1']).toContain(address);
});
