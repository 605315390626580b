import { createWebhookSecret, SecretSeal } from './sealed-secret.js';
import { signatureHeaders } from './signature.js';

/** The example of the specification Standard Webhooks 1.0.0. */
const EXAMPLE = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

test('a message is signed as the specification has it', () => {
  const { secret, signature, ...message } = EXAMPLE;
  expect(signatureHeaders(message, [secret])).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': signature,
  });
});

test('while a secret is changed there is a signature by each, with a blank between', () => {
  const { secret, signature, ...message } = EXAMPLE;
  const header = signatureHeaders(message, [createWebhookSecret(), secret])['webhook-signature'];
  expect(header.split(' ')).toHaveLength(2);
  expect(header.split(' ')[1]).toBe(signature);
});

test('another time, id or body has another signature', () => {
  const { secret, signature, ...message } = EXAMPLE;
  for (const change of [{ timestamp: 1 }, { id: 'x' }, { body: '{}' }]) {
    const headers = signatureHeaders({ ...message, ...change }, [secret]);
    expect(headers['webhook-signature']).not.toBe(signature);
  }
});

test('secrets are sealed, each time otherwise, and opened by the same controller for the same webhook only', () => {
  const seal = new SecretSeal('the session secret of this controller');
  const secret = createWebhookSecret();
  const sealed = seal.seal(secret, 'webhook 1');
  expect(seal.open(sealed, 'webhook 1')).toBe(secret);
  expect(sealed.equals(seal.seal(secret, 'webhook 1'))).toBe(false);
  expect(sealed.includes(secret.slice(6))).toBe(false);
  expect(() => seal.open(sealed, 'webhook 2')).toThrow(/rotate/);
  expect(() => new SecretSeal('another').open(sealed, 'webhook 1')).toThrow(/rotate/);
  const changed = Buffer.from(sealed.map((byte, index) => (index === sealed.length - 1 ? byte ^ 1 : byte)));
  expect(() => seal.open(changed, 'webhook 1')).toThrow(/rotate/);
});

test('a secret has 256 random bits', () => {
  const secret = createWebhookSecret();
  expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
  expect(createWebhookSecret()).not.toBe(secret);
});
