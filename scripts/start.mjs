/** `npm start`: set-up, then everything at once: see apps/lab/src/showcase. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fail, root, setUp } from './setup.mjs';

await setUp().catch(fail);
const args = [join(root, 'apps/lab/dist/main.js'), 'showcase', ...process.argv.slice(2)];
const lab = spawn(process.execPath, args, { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => lab.kill(signal));
lab.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
