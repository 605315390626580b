import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { key32Schema } from '@longhaul/contracts';
import type { FlowRule } from '@longhaul/edge';
import type { z } from 'zod';
import { AgentError, messageOf } from '../errors.js';
import type { WantedState } from '../state-source.js';
import { staticConfigSchema, type StaticConfig } from './schema.js';

/** What a static file asks for. */
export interface StaticAgent {
  readonly name: string;
  /** Slab for datagrams and streams; undefined: the default. */
  readonly memoryBytes: number | undefined;
  /** Threads of the data plane; undefined: as fits the machine. */
  readonly dataPlaneWorkers: number | undefined;
  readonly state: WantedState;
}

const MIB = 1_048_576;

/** @throws AgentError that names the file and, where there is one, the field */
export async function loadStaticConfig(path: string): Promise<StaticAgent> {
  const config = parseStaticConfig(await read(path), path);
  const privateKey = Buffer.from(await privateKeyOf(config, path), 'base64');
  return {
    name: config.name,
    memoryBytes: config.memoryMiB === undefined ? undefined : config.memoryMiB * MIB,
    dataPlaneWorkers: config.dataPlaneWorkers,
    state: toState(config, privateKey),
  };
}

/** @throws AgentError */
export function parseStaticConfig(text: string, path: string): StaticConfig {
  const parsed = staticConfigSchema.safeParse(parseJson(text, path));
  if (!parsed.success) throw new AgentError(`${path}:\n${describeIssues(parsed.error.issues).join('\n')}`);
  return parsed.data;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AgentError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AgentError(`${path} is not JSON: ${messageOf(error)}`);
  }
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.map(({ path, message }) => `  ${fieldName(path)}: ${message}`);
}

function fieldName(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return name === '' ? 'the file' : name;
}

async function privateKeyOf(
  { privateKey, privateKeyFile }: StaticConfig,
  configPath: string,
): Promise<string> {
  if (privateKey !== undefined) return privateKey;
  const path = resolve(dirname(configPath), privateKeyFile ?? '');
  const key = (await read(path)).trim();
  if (!key32Schema.safeParse(key).success)
    throw new AgentError(
      `${path} (privateKeyFile) must hold 32 bytes in base64, as "longhaul agent genkey" makes them`,
    );
  return key;
}

function toState(config: StaticConfig, privateKey: Uint8Array): WantedState {
  return {
    privateKey,
    tunnel: config.listen,
    peers: config.peers.map(({ name, publicKey, presharedKey, ...rest }) => ({
      ...rest,
      id: name,
      name,
      publicKey: Buffer.from(publicKey, 'base64'),
      presharedKey: presharedKey === undefined ? undefined : Buffer.from(presharedKey, 'base64'),
    })),
    forwards: config.forwards.map(({ listen, target, ...rest }, index) => ({
      id: `forwards[${index}]`,
      listen,
      target,
      treatment: treatmentOf(rest),
    })),
    rules: config.rules.map((rule) => toRule(rule)),
    allow: config.allow.map(({ peer, prefixes, ports }) => ({ peerId: peer, prefixes, ports })),
    intercept: config.intercept,
    management: [],
  };
}

function toRule(rule: StaticConfig['rules'][number]): FlowRule {
  const { name, sources, destinations, ports } = rule;
  const selector = { id: name, sources, destinations, ports };
  if (rule.action !== 'accelerate') return { ...selector, action: rule.action };
  return { ...selector, action: 'accelerate', treatment: treatmentOf(rule) };
}

type TreatmentFields = Pick<
  StaticConfig['forwards'][number],
  'peer' | 'class' | 'weight' | 'compression' | 'whenPeerDown' | 'rateLimitMbps'
>;

function treatmentOf({ peer: peerId, class: trafficClass, ...rest }: TreatmentFields) {
  const { weight, compression, whenPeerDown, rateLimitMbps } = rest;
  return { peerId, class: trafficClass, weight, compression, whenPeerDown, rateLimitMbps };
}
