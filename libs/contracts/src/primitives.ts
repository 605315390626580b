import { z } from 'zod';

/** An opaque identifier made by the controller: a UUID in lower case. */
export const idSchema = z.uuid();

/** 32 bytes in standard base64 (44 characters): an X25519 public key or a pre-shared key. */
export const key32Schema = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be 32 bytes in base64 (44 characters ending in "=")');

/** An nkey user public key: `U` and 55 characters of base32. */
export const natsUserKeySchema = z.string().regex(/^U[A-Z2-7]{55}$/, 'must be an nkey user public key');

/** `host:port` or `[v6]:port`, where a peer's tunnel socket is reached. */
export const endpointSchema = z
  .string()
  .regex(
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/,
    'must be host:port, with an IPv6 address in [brackets]',
  );

/** A port, 1 to 65535. */
export const portSchema = z.int().min(1).max(65535);

/** An inclusive range of ports. */
export const portRangeSchema = z
  .object({ from: portSchema, to: portSchema })
  .refine((range) => range.from <= range.to, 'a port range must not end before it begins');

/** An address block in CIDR form, IPv4 or IPv6. */
export const prefixSchema = z.union([z.cidrv4(), z.cidrv6()]);

/** A literal IPv4 or IPv6 address. */
export const addressSchema = z.union([z.ipv4(), z.ipv6()]);

export type PortRange = z.infer<typeof portRangeSchema>;
