import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** As the specification Standard Webhooks writes secrets: 24 to 64 bytes. */
const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** Keeps the secrets of webhooks in the database so that the database alone does not tell them. */
export class SecretSeal {
  private readonly key: Buffer;

  /** @param secret the controller's own, from the state folder or the environment */
  constructor(secret: string) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'longhaul webhook secrets', KEY_BYTES));
  }

  /** @param owner what the secret belongs to: sealed for one, it is none of another */
  seal(secret: string, owner: string): Buffer<ArrayBuffer> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, nonce).setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.from(Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
  }

  /** Whether {@link open} would open it. */
  opens(sealed: Uint8Array, owner: string): boolean {
    try {
      this.open(sealed, owner);
      return true;
    } catch {
      return false;
    }
  }

  /** @throws Error that says what to do, when it was sealed with another key or for another owner */
  open(sealed: Uint8Array, owner: string): string {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv(CIPHER, this.key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(owner))
        .setAuthTag(tag);
      const opened = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString('utf8');
    } catch (error) {
      throw new Error(
        'the webhook’s secret cannot be read: the session secret of the controller was changed; rotate the webhook’s secret',
        { cause: error },
      );
    }
  }
}

/** 256 random bits, as `whsec_<base64>`. */
export const createWebhookSecret = (): string =>
  `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;

/** The key that a secret stands for. */
export const keyOfSecret = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret, 'base64');
