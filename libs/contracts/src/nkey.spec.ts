import {
  createAccount,
  createOperator,
  createUser,
  fromPublic,
  fromSeed,
  type KeyPair,
} from '@nats-io/nkeys';
import { createSeed, publicKeyOf, SigningKey, verifySignature, type KeyKind } from './nkey.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('nkeys', () => {
  it.each<[KeyKind, () => KeyPair]>([
    ['operator', createOperator],
    ['account', createAccount],
    ['user', createUser],
  ])('of an %s are those of the reference implementation, both ways', (kind, create) => {
    const theirs = create();
    const seed = text(theirs.getSeed());
    expect(publicKeyOf(seed)).toBe(theirs.getPublicKey());
    expect(Buffer.from(new SigningKey(seed).sign(Buffer.from('message')))).toEqual(
      Buffer.from(theirs.sign(Buffer.from('message'))),
    );
    const ours = createSeed(kind);
    expect(fromSeed(Buffer.from(ours)).getPublicKey()).toBe(publicKeyOf(ours));
    const signature = new SigningKey(ours).sign(Buffer.from('message'));
    expect(fromPublic(publicKeyOf(ours)).verify(Buffer.from('message'), signature)).toBe(true);
  });

  it('verify what their holder signed, and nothing else', () => {
    const key = new SigningKey(createSeed('user'));
    const signature = key.sign(Buffer.from('message'));
    expect(verifySignature(key.publicKey, 'message', signature)).toBe(true);
    expect(verifySignature(key.publicKey, 'another', signature)).toBe(false);
    expect(verifySignature(publicKeyOf(createSeed('user')), 'message', signature)).toBe(false);
    expect(verifySignature(key.publicKey, 'message', signature.subarray(1))).toBe(false);
    const account = new SigningKey(createSeed('account'));
    expect(verifySignature(account.publicKey, 'message', account.sign(Buffer.from('message')))).toBe(false);
  });

  it('with a wrong letter, cut short, or of no kind are refused', () => {
    const seed = createSeed('user');
    const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'].filter((letter) => !seed.endsWith(letter));
    const swapped = others.map((letter) => seed.slice(0, -1) + letter);
    for (const wrong of [...swapped, seed.slice(0, 20), `${seed}A`, '', 'not base32!', publicKeyOf(seed)]) {
      expect(() => new SigningKey(wrong)).toThrow(/not an nkey/);
    }
    expect(verifySignature(`U${'A'.repeat(55)}`, 'message', new Uint8Array(64))).toBe(false);
  });
});
