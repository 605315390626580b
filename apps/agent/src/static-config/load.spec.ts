import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '../keys.js';
import { loadStaticConfig, parseStaticConfig } from './load.js';

const KEYS = generateKeyPair();
const MINIMAL = {
  name: 'site-a',
  privateKey: KEYS.privateKey,
  listen: { port: 4810 },
  peers: [{ name: 'b', publicKey: KEYS.publicKey }],
};
const FORWARD = { listen: '127.0.0.1:7000', peer: 'b', target: '10.0.0.1:80' };

function problems(change: object): string {
  try {
    parseStaticConfig(JSON.stringify({ ...MINIMAL, ...change }), 'agent.json');
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

describe('a static file', () => {
  it.each([
    ['a missing name', { name: undefined }, 'name: '],
    ['a key that is not one', { privateKey: 'secret' }, 'privateKey: must be 32 bytes in base64'],
    ['no key', { privateKey: undefined }, 'privateKey: give either privateKey or privateKeyFile'],
    ['two keys', { privateKeyFile: 'key' }, 'privateKey: give either privateKey or privateKeyFile'],
    ['a port that is none', { listen: { port: 70_000 } }, 'listen.port: '],
    ['a field that is not known', { peer: [] }, 'Unrecognized key: "peer"'],
    [
      'an endpoint without a port',
      { peers: [{ ...MINIMAL.peers[0], endpoints: ['192.0.2.1'] }] },
      'peers[0].endpoints[0]: must be host:port',
    ],
    [
      'a listen address without a port',
      { forwards: [{ ...FORWARD, listen: '7000' }] },
      'forwards[0].listen: must be ip:port',
    ],
    [
      'a target by name',
      { forwards: [{ ...FORWARD, target: 'server:80' }] },
      'forwards[0].target: must be ip:port',
    ],
    [
      'a class weight of nothing',
      { peers: [{ ...MINIMAL.peers[0], classWeights: { bulk: 0 } }] },
      'peers[0].classWeights.bulk: ',
    ],
    [
      'the weight of a class that is none',
      { peers: [{ ...MINIMAL.peers[0], classWeights: { standard: 4 } }] },
      'Unrecognized key: "standard"',
    ],
    [
      'a rate limit of nothing',
      { forwards: [{ ...FORWARD, rateLimitMbps: 0 }] },
      'forwards[0].rateLimitMbps: ',
    ],
    ['an unknown class', { forwards: [{ ...FORWARD, class: 'fast' }] }, 'forwards[0].class: '],
    [
      'ports the wrong way round',
      { allow: [{ peer: 'b', prefixes: ['10.0.0.0/8'], ports: ['90-80'] }] },
      'allow[0].ports[0]: must be ports from 1 to 65535, the lower one first',
    ],
    [
      'a rule that accelerates to nobody',
      { rules: [{ name: 'r', action: 'accelerate' }] },
      'rules[0].peer: ',
    ],
  ])('with %s names the file and the field', (_, change, expected) => {
    expect(problems(change)).toContain('agent.json:\n');
    expect(problems(change)).toContain(expected);
  });

  it('that is not JSON, or not there, says so', async () => {
    expect(() => parseStaticConfig('{', 'agent.json')).toThrow(/^agent.json is not JSON: /);
    await expect(loadStaticConfig('/nowhere/agent.json')).rejects.toThrow(
      /^cannot read \/nowhere\/agent.json/,
    );
  });

  it('names its key file relative to itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longhaul-config-'));
    const file = join(folder, 'agent.json');
    await writeFile(file, JSON.stringify({ ...MINIMAL, privateKey: undefined, privateKeyFile: 'agent.key' }));
    await expect(loadStaticConfig(file)).rejects.toThrow(join(folder, 'agent.key'));
    await writeFile(join(folder, 'agent.key'), 'not a key');
    await expect(loadStaticConfig(file)).rejects.toThrow(/must hold 32 bytes in base64/);
    await writeFile(join(folder, 'agent.key'), `${KEYS.privateKey}\n`);
    const { state } = await loadStaticConfig(file);
    expect(Buffer.from(state.privateKey).toString('base64')).toBe(KEYS.privateKey);
    await rm(folder, { recursive: true });
  });

  it('weighs the classes that it names, and the others by default', () => {
    const peers = [{ ...MINIMAL.peers[0], classWeights: { interactive: 100 } }];
    const config = parseStaticConfig(JSON.stringify({ ...MINIMAL, peers }), 'agent.json');
    expect(config.peers[0].classWeights).toEqual({ interactive: 100, bulk: 4, scavenger: 1 });
  });

  it('limits the rate of a forward and of a rule', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longhaul-config-'));
    const file = join(folder, 'agent.json');
    const forwards = [
      { ...FORWARD, rateLimitMbps: 20 },
      { ...FORWARD, listen: '127.0.0.1:7001' },
    ];
    const rules = [{ name: 'backup', action: 'accelerate', peer: 'b', rateLimitMbps: 0.5 }];
    await writeFile(file, JSON.stringify({ ...MINIMAL, forwards, rules }));
    const { state } = await loadStaticConfig(file);
    expect(state.forwards.map(({ treatment }) => treatment.rateLimitMbps)).toEqual([20, undefined]);
    expect(state.rules[0]).toMatchObject({ id: 'backup', treatment: { rateLimitMbps: 0.5 } });
    await rm(folder, { recursive: true });
  });

  it('becomes a state with everything that it left out', () => {
    const config = parseStaticConfig(
      JSON.stringify({
        ...MINIMAL,
        forwards: [{ ...FORWARD, listen: '[::1]:7000' }],
        allow: [{ peer: 'b', prefixes: ['10.0.0.0/8'], ports: [22, '8000-8100'] }],
      }),
      'agent.json',
    );
    expect(config.listen).toEqual({ address: '::', port: 4810 });
    expect(config.peers[0]).toMatchObject({
      endpoints: [],
      profile: 'fair',
      cipherSuite: 'aes-128-gcm',
      maxUdpPayload: 1472,
    });
    expect(config.forwards[0]).toEqual({
      listen: { address: '::1', port: 7000 },
      peer: 'b',
      target: { address: '10.0.0.1', port: 80 },
      class: 'bulk',
      weight: 1,
      compression: 'auto',
      whenPeerDown: 'pass',
    });
    expect(config.allow[0].ports).toEqual([
      { from: 22, to: 22 },
      { from: 8000, to: 8100 },
    ]);
  });
});
