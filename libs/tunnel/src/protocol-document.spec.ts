import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mac1Key } from './handshake/macs.js';
import { NodePrimitives } from './handshake/node-primitives.js';
import { deriveSessionKeys } from './handshake/session-keys.js';
import { Send, SEND_STRIDE } from './io.js';
import { RangeSet } from './memory/range-set.js';
import { NodePacketCrypto } from './simulator/packet-crypto.js';
import { FrameType, StreamBit, writeAck, writeStreamHeader } from './wire/frame.js';
import { DATA_HEADER_BYTES, high32, writeDataHeader } from './wire/packet.js';

/*
 * docs/PROTOCOL.md lists every numeric constant of the tunnel and of the block framing. Each row of its tables is
 * compared with the source that it names, and no constant may be missing. Its examples are made anew.
 */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, 'docs/PROTOCOL.md'), 'utf8');
const FOLDERS = ['tunnel/src', 'block-codec/src'];

/** `| NAME | value | unit | source | file |`, name and file as code. */
const ROW = /^\| `([A-Z][A-Z0-9_]*)` +\| ([^|]+) \| [^|]+ \| [^|]+ \| `([^`]+)` +\|$/gm;
const CONSTANT = /^(?:export )?const ([A-Z][A-Z0-9_]*) =\s([^;]+);/gm;

type Constants = Map<string, number>;

/** The sum of products that `expression` is, its names looked up; undefined where it is anything else. */
function evaluate(expression: string, lookUp: (name: string) => number | undefined): number | undefined {
  let sum = 0;
  for (const [, sign, term] of ` + ${expression.replace(/[()]/g, '')}`.matchAll(
    / ([+-]) (.*?)(?= [+-] |$)/g,
  )) {
    const value = product(term, lookUp);
    if (value === undefined) return undefined;
    sum += sign === '+' ? value : -value;
  }
  return sum;
}

function product(term: string, lookUp: (name: string) => number | undefined): number | undefined {
  const [first, ...rest] = term.trim().split(' ');
  let value = operand(first, lookUp);
  for (let i = 0; i < rest.length && value !== undefined; i += 2) {
    const right = operand(rest[i + 1] ?? '', lookUp);
    value = right === undefined ? undefined : apply(rest[i], value, right);
  }
  return value;
}

function apply(operator: string, left: number, right: number): number | undefined {
  if (operator === '*') return left * right;
  if (operator === '/') return left / right;
  return operator === '**' ? left ** right : undefined;
}

function operand(text: string, lookUp: (name: string) => number | undefined): number | undefined {
  if (/^-?(0x[0-9a-f]+|[0-9][0-9_]*(\.[0-9]+)?)$/.test(text)) return Number(text.replaceAll('_', ''));
  return /^[A-Z][A-Z0-9_]*$/.test(text) ? lookUp(text) : undefined;
}

/** double-field.ts is about V8's memory, not about the protocol. */
function sources(folder: string): string[] {
  return readdirSync(join(ROOT, 'libs', folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        name.endsWith('.ts') &&
        !/\.spec\.ts$|testing\.ts$|double-field\.ts$|^simulator|^scenarios/.test(name),
    )
    .map((name) => `${folder}/${name}`);
}

/** Names that a file does not define itself are those of the first file that does. */
function readConstants(): Map<string, Constants> {
  const texts = FOLDERS.flatMap(sources).map((file) => {
    const text = readFileSync(join(ROOT, 'libs', file), 'utf8');
    return {
      file,
      expressions: new Map([...text.matchAll(CONSTANT)].map(([, name, value]) => [name, value])),
    };
  });
  const valueIn = (expressions: Map<string, string>, name: string): number | undefined => {
    const expression = expressions.get(name);
    if (expression !== undefined) return evaluate(expression, (other) => valueIn(expressions, other));
    const owner = texts.find((other) => other.expressions.has(name));
    return owner && valueIn(owner.expressions, name);
  };
  return new Map(
    texts.map(({ file, expressions }) => {
      const values = [...expressions.keys()].map((name) => [name, valueIn(expressions, name)] as const);
      return [file, new Map(values.filter((entry): entry is [string, number] => entry[1] !== undefined))];
    }),
  );
}

/** `131,072`, `2^22`, `1/8`, `0.5` or `0x11d`. */
function valueOf(cell: string): number {
  const [left, operator, right] = cell
    .trim()
    .replaceAll(',', '')
    .split(/([/^])/);
  if (operator === undefined) return Number(left);
  return operator === '/' ? Number(left) / Number(right) : Number(left) ** Number(right);
}

const primitives = new NodePrimitives();
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function directionKeys(): { key: Uint8Array; iv: Uint8Array } {
  const split = { initiatorToResponder: SECRET, responderToInitiator: SECRET, handshakeHash: SECRET };
  return deriveSessionKeys(primitives, 'aes-128-gcm', split, 'initiator').send;
}

/** One PING under packet number 2^32 + 5 to the index 0x01020304. */
function examplePacket(): Uint8Array {
  const { key, iv } = directionKeys();
  const crypto = new NodePacketCrypto();
  const memory = new Uint8Array(DATA_HEADER_BYTES + 1);
  const number = 2 ** 32 + 5;
  writeDataHeader(memory, 0, 0x01020304, number);
  memory[DATA_HEADER_BYTES] = FrameType.ping;
  const descriptors = new Int32Array(SEND_STRIDE);
  descriptors[Send.headerLength] = DATA_HEADER_BYTES;
  descriptors[Send.prefixLength] = 1;
  descriptors[Send.keyId] = crypto.addKey('aes-128-gcm', key, iv);
  descriptors[Send.packetNumberLow] = number | 0;
  descriptors[Send.packetNumberHigh] = high32(number);
  return crypto.seal(memory, descriptors, 0);
}

/** The packets 0 to 9, 12 and 14 to 20. */
function exampleAck(): Uint8Array {
  const ranges = new RangeSet();
  ranges.add(0, 10);
  ranges.add(12, 13);
  ranges.add(14, 21);
  const bytes = new Uint8Array(100);
  return bytes.slice(0, writeAck(bytes, 0, 100, ranges, 1500, 21_000));
}

function exampleStreamHeader(): Uint8Array {
  const bytes = new Uint8Array(100);
  return bytes.slice(0, writeStreamHeader(bytes, 0, FrameType.stream | StreamBit.fin, 70, 100_000));
}

describe('docs/PROTOCOL.md', () => {
  const constants = readConstants();
  const rows = [...DOCUMENT.matchAll(ROW)].map(([, name, cell, file]) => ({
    name,
    file,
    value: valueOf(cell),
  }));

  it('gives each constant the value that it has', () => {
    const compared = rows.map((row) => ({ ...row, inCode: constants.get(row.file)?.get(row.name) }));
    expect(compared.filter(({ value, inCode }) => value !== inCode)).toEqual([]);
  });

  it('leaves no constant out', () => {
    const listed = new Set(rows.map(({ name, file }) => `${file} ${name}`));
    const present = [...constants].flatMap(([file, values]) =>
      [...values.keys()].map((name) => `${file} ${name}`),
    );
    expect(present.filter((entry) => !listed.has(entry))).toEqual([]);
    expect(present.length).toBeGreaterThan(150);
  });

  it.each([
    ['key', () => directionKeys().key],
    ['iv', () => directionKeys().iv],
    ['datagram', examplePacket],
    ['ack', exampleAck],
    ['stream', exampleStreamHeader],
    ['mac1 key', () => mac1Key(primitives, new Uint8Array(32).fill(1))],
  ])('shows by example what is on the wire: %s', (name, make) => {
    expect(new RegExp(`^${name} += ([0-9a-f]+)$`, 'm').exec(DOCUMENT)?.[1]).toBe(hex(make()));
  });
});
