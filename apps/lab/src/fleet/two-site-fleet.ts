import { findLink, type Link, loadLinks } from '@longhaul/wan-emulator';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LabNetwork, MANAGEMENT_ADDRESS, SITE_ADDRESSES, type SiteName } from '../network/lab-network.js';
import { ControllerClient, pageOf } from './controller-client.js';
import { ControlPlane, type ExternalServices } from './control-plane.js';

const LONGHAUL = fileURLToPath(new URL('../../../cli/bin/longhaul.js', import.meta.url));
const SITES: Readonly<Record<SiteName, { name: string; location: string }>> = {
  a: { name: 'New York', location: 'Manhattan, NY, US' },
  b: { name: 'Chicago', location: 'Chicago, IL, US' },
};
/** Connections to this port are accelerated: what Hyper-V moves guests over. */
export const ACCELERATED_PORT = 6600;
/** No rule names this port: the kernel's TCP carries it. */
export const DIRECT_PORT = 9000;
const TUNNEL_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export interface FleetOptions {
  /** Keeps control plane and agents from one start to the next. */
  readonly stateDir: string;
  readonly link?: Link;
  /** HTTPS port of the controller; a free one unless given. */
  readonly port?: number;
  /** Of namespaces and devices. */
  readonly prefix?: string;
  readonly external?: ExternalServices;
  /** Whether agents have a supervisor, which upgrades them. */
  readonly supervised?: boolean;
  readonly progress?: (text: string) => void;
}

const siteSchema = z.object({ id: z.string(), name: z.string() });
const agentSchema = z.object({ id: z.string(), state: z.string(), site: z.object({ id: z.string() }) });
const ruleInput = {
  name: 'Live migration',
  priority: 100,
  enabled: true,
  source: { siteIds: [], labels: [], prefixes: [] },
  destination: { siteIds: [], labels: [], prefixes: [] },
  ports: [{ from: ACCELERATED_PORT, to: ACCELERATED_PORT }],
  action: 'ACCELERATE',
  compression: 'AUTO',
  class: 'BULK',
  weight: 1,
  whenPeerDown: 'PASS',
};

/** The whole product on one machine: control plane, two sites with an emulated link, two enrolled agents. */
export class TwoSiteFleet {
  private readonly agents: Partial<Record<SiteName, ChildProcess>> = {};
  /** The sites' ids at the controller. */
  readonly siteIds: Record<SiteName, string> = { a: '', b: '' };

  private constructor(
    private readonly stateDir: string,
    readonly network: LabNetwork,
    readonly controlPlane: ControlPlane,
    readonly api: ControllerClient,
    private readonly supervised: boolean,
  ) {}

  /** Resolves when both agents have applied a policy that accelerates {@link ACCELERATED_PORT}, and their tunnel is up. */
  static async start(options: FleetOptions): Promise<TwoSiteFleet> {
    const { stateDir, port, prefix, external, supervised = false, progress = () => undefined } = options;
    const link = options.link ?? findLink(loadLinks().links, 'metro');
    const network = await LabNetwork.create(link, { prefix, management: true });
    let controlPlane: ControlPlane | undefined;
    try {
      const managementAddress = MANAGEMENT_ADDRESS;
      controlPlane = await ControlPlane.start({ stateDir, managementAddress, port, external, progress });
      const api = new ControllerClient(controlPlane.url, controlPlane.caPem);
      await api.signIn(controlPlane.admin.email, controlPlane.admin.password);
      const fleet = new TwoSiteFleet(stateDir, network, controlPlane, api, supervised);
      progress('sites and agents');
      await fleet.bringUp();
      return fleet;
    } catch (error) {
      await controlPlane?.stop();
      await network.destroy();
      throw error;
    }
  }

  private async bringUp(): Promise<void> {
    for (const site of ['a', 'b'] as const) {
      this.siteIds[site] = await this.ensureSite(site);
      await this.ensureEnrolled(site);
      this.startAgent(site);
    }
    await this.useLossyProfile();
    await this.ensurePolicy();
    await this.settled();
  }

  /** The emulated link is one's own: loss on it is not congestion. */
  private async useLossyProfile(): Promise<void> {
    const schema = z.object({ links: pageOf(z.object({ id: z.string() })) });
    const { links } = await this.api.query('{ links { nodes { id } } }', {}, schema);
    const document = 'mutation ($id: ID!, $input: LinkInput!) { updateLink(id: $id, input: $input) { id } }';
    for (const { id } of links.nodes)
      await this.api.query(document, { id, input: { profile: 'LOSSY' } }, z.unknown());
  }

  private async ensureSite(site: SiteName): Promise<string> {
    const { name, location } = SITES[site];
    const { sites } = await this.api.query(
      'query ($name: String!) { sites(filter: { name: $name }) { nodes { id name } } }',
      { name },
      z.object({ sites: pageOf(siteSchema) }),
    );
    const present = sites.nodes.find((candidate) => candidate.name === name);
    if (present !== undefined) return present.id;
    const document = 'mutation ($input: SiteInput!) { createSite(input: $input) { id name } }';
    const input = { name, location, lanPrefixes: [SITE_ADDRESSES[site].lanPrefix] };
    const { createSite } = await this.api.query(document, { input }, z.object({ createSite: siteSchema }));
    return createSite.id;
  }

  /** Where the site's agent keeps keys, credential and last good state. */
  agentDir(site: SiteName): string {
    return join(this.stateDir, `agent-${site}`);
  }

  /** Enrols the site's agent with a fresh token, unless it is the controller's already. */
  private async ensureEnrolled(site: SiteName): Promise<void> {
    const dir = this.agentDir(site);
    if (existsSync(dir) && (await this.hasApprovedAgent(site))) return;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const token = await this.createToken(site);
    const { agentUrl, caSha256 } = this.controlPlane;
    await this.run(site, [
      ...['enroll', '--controller', agentUrl, '--token', token, '--ca-sha256', caSha256],
      ...['--state-dir', dir, '--address', SITE_ADDRESSES[site].wan],
    ]);
  }

  private async hasApprovedAgent(site: SiteName): Promise<boolean> {
    const schema = z.object({ agents: pageOf(agentSchema) });
    const { agents } = await this.api.query('{ agents { nodes { id state site { id } } } }', {}, schema);
    return agents.nodes.some((agent) => agent.state === 'APPROVED' && agent.site.id === this.siteIds[site]);
  }

  /** A one-off enrolment token for the site. */
  async createToken(site: SiteName): Promise<string> {
    const document =
      'mutation ($input: EnrollmentTokenInput!) { createEnrollmentToken(input: $input) { token } }';
    const input = { name: `Agent of ${SITES[site].name}`, siteId: this.siteIds[site], maxUses: 1 };
    const schema = z.object({ createEnrollmentToken: z.object({ token: z.string() }) });
    const { createEnrollmentToken } = await this.api.query(document, { input }, schema);
    return createEnrollmentToken.token;
  }

  /** Runs `longhaul agent …` at a site to its end; gives what it printed. Rejects with what it said on failure. */
  async run(site: SiteName, args: readonly string[]): Promise<string> {
    const child = this.network.exec(site, [process.execPath, LONGHAUL, 'agent', ...args]);
    let printed = '';
    let said = '';
    child.stdout?.on('data', (part: Buffer) => (printed += part.toString()));
    child.stderr?.on('data', (part: Buffer) => (said += part.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(said.trim() || `longhaul agent ${args[0]} ended with ${code}`);
    return printed;
  }

  startAgent(site: SiteName): void {
    const log = openSync(join(this.stateDir, `agent-${site}.log`), 'a');
    const command = this.supervised ? 'supervise' : 'run';
    const argv = [process.execPath, LONGHAUL, 'agent', command, '--state-dir', this.agentDir(site)];
    argv.push('--name', SITES[site].name, '--status-socket', this.statusSocket(site));
    try {
      this.agents[site] = this.network.exec(site, argv, { stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
  }

  statusSocket(site: SiteName): string {
    return join(this.stateDir, `agent-${site}.sock`);
  }

  agentPid(site: SiteName): number {
    return this.agents[site]?.pid ?? 0;
  }

  /** SIGKILL to a site's agent, as a crash would be. */
  async killAgent(site: SiteName): Promise<void> {
    const agent = this.agents[site];
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    const gone = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGKILL');
    await gone;
  }

  private async ensurePolicy(): Promise<void> {
    const schema = z.object({ policy: z.object({ revision: z.number().nullable() }) });
    const { policy } = await this.api.query('{ policy { revision } }', {}, schema);
    if (policy.revision === null) await this.savePolicy([ruleInput], 'Accelerate live migration');
  }

  /** Saves a policy over the present one; gives its revision. Rules as in the GraphQL input, `accelerateRule` for one. */
  async savePolicy(rules: readonly object[], message: string): Promise<number> {
    const present = z.object({ policy: z.object({ revision: z.number().nullable() }) });
    const { policy } = await this.api.query('{ policy { revision } }', {}, present);
    const document = 'mutation ($input: SavePolicyInput!) { savePolicy(input: $input) { revision } }';
    const input = { expectedRevision: policy.revision, message, rules };
    const schema = z.object({ savePolicy: z.object({ revision: z.number() }) });
    return (await this.api.query(document, { input }, schema)).savePolicy.revision;
  }

  /** A rule that accelerates a port between all sites. */
  static accelerateRule(changes: object = {}): object {
    return { ...ruleInput, ...changes };
  }

  /** Resolves when both agents have applied the newest revision; gives the milliseconds that it took. */
  async policyApplied(timeoutMs = TUNNEL_TIMEOUT_MS): Promise<number> {
    const schema = z.object({
      policy: z.object({
        revision: z.number().nullable(),
        application: pageOf(z.object({ appliedRevision: z.number().nullable() })),
      }),
    });
    const began = Date.now();
    for (;;) {
      const { policy } = await this.api.query(
        '{ policy { revision application { nodes { appliedRevision } } } }',
        {},
        schema,
      );
      const applied = policy.application.nodes.filter(
        ({ appliedRevision }) => appliedRevision === policy.revision,
      );
      if (applied.length === 2) return Date.now() - began;
      if (Date.now() - began > timeoutMs) {
        throw new Error(`revision ${policy.revision} is not applied everywhere after ${timeoutMs} ms`);
      }
      await sleep(POLL_MS / 2);
    }
  }

  /** Resolves when both agents have applied the policy and see their peer. */
  async settled(): Promise<void> {
    await this.policyApplied();
    await this.tunnelsUp();
  }

  /** Resolves when every agent's tunnel is up. */
  async tunnelsUp(): Promise<void> {
    const schema = z.object({ tunnels: z.array(z.object({ state: z.string() })) });
    const deadline = Date.now() + TUNNEL_TIMEOUT_MS;
    for (const site of ['a', 'b'] as const) {
      for (;;) {
        const { tunnels } = schema.parse(this.status(site) ?? { tunnels: [] });
        if (tunnels.length > 0 && tunnels.every(({ state }) => state === 'up')) break;
        if (Date.now() > deadline) throw new Error(`the agent of site ${site} has no tunnel: see its log`);
        await sleep(POLL_MS);
      }
    }
  }

  /** What `longhaul agent status --json` says; undefined while the agent does not answer. */
  status(site: SiteName): unknown {
    const args = [LONGHAUL, 'agent', 'status', '--json', '--status-socket', this.statusSocket(site)];
    try {
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }));
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    for (const site of ['a', 'b'] as const) this.agents[site]?.kill('SIGTERM');
    await this.controlPlane.stop();
    await this.network.destroy();
  }
}
