import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where `ip netns` keeps the handles of named namespaces. */
const HANDLES = '/run/netns';

/** Runs a tool of the system; throws an Error with what it said. */
export function runTool(command: string, args: readonly string[], input?: string): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`${command} is missing: apt-get install iproute2 util-linux`, { cause: error });
    }
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${command} ${args.join(' ')}: ${said}`, { cause: error });
  }
}

export interface ExecOptions {
  env?: NodeJS.ProcessEnv;
  /** Default: all three piped. */
  stdio?: 'pipe' | 'ignore' | 'inherit' | ('pipe' | 'ignore' | 'inherit' | number)[];
}

/** A named network namespace, as `ip netns` makes it. */
export class NetworkNamespace {
  private constructor(readonly name: string) {}

  /** Makes the namespace with its loopback up; throws if there is one of that name. */
  static create(name: string): NetworkNamespace {
    runTool('ip', ['netns', 'add', name]);
    const namespace = new NetworkNamespace(name);
    namespace.ip(['link set lo up']);
    return namespace;
  }

  static exists(name: string): boolean {
    return existsSync(`${HANDLES}/${name}`);
  }

  /** Process ids inside the namespace of that name. */
  static pids(name: string): number[] {
    const listed = runTool('ip', ['netns', 'pids', name]);
    return listed.split('\n').filter(Boolean).map(Number);
  }

  /** Removes the namespace of that name, if there is one, and ends what runs in it. */
  static remove(name: string): void {
    if (!NetworkNamespace.exists(name)) return;
    for (const pid of NetworkNamespace.pids(name)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it ended by itself in the meantime
      }
    }
    runTool('ip', ['netns', 'del', name]);
  }

  /** Applies `ip` commands in one call, e.g. `addr add 10.0.0.1/30 dev wan0`. */
  ip(commands: readonly string[]): void {
    runTool('ip', ['-n', this.name, '-batch', '-'], `${commands.join('\n')}\n`);
  }

  /** Sets sysctls of this namespace, e.g. `net/ipv4/ip_forward`. */
  sysctl(settings: Readonly<Record<string, string>>): void {
    const script = Object.entries(settings)
      .map(([key, value]) => `echo '${value}' > /proc/sys/${key}`)
      .join(' && ');
    runTool('nsenter', [`--net=${HANDLES}/${this.name}`, 'sh', '-c', script]);
  }

  /** Starts a program inside. It is killed when this process ends in any way. The child's pid is the program's own. */
  exec(argv: readonly string[], options: ExecOptions = {}): ChildProcess {
    const enter = [`--net=${HANDLES}/${this.name}`, 'setpriv', '--pdeathsig', 'KILL', '--', ...argv];
    return spawn('nsenter', enter, { stdio: options.stdio ?? 'pipe', env: options.env ?? process.env });
  }

  remove(): void {
    NetworkNamespace.remove(this.name);
  }
}
